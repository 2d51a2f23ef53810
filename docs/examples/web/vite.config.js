import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Relative addresses: the built app works in any folder of any static server.
export default defineConfig({ base: "./", plugins: [react()] });
