import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

// Relative addresses: the built app works in any folder of any static server. In development it has the server's name: to a
// browser `localhost` and `127.0.0.1` are different sites, and a session's cookie stays within one.
export default defineConfig({ base: "./", plugins: [react()], server: { host: "127.0.0.1" } });
