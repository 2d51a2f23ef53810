// Builds ../dist from src/: one script, one style sheet, three fonts, the icon, the page and the licences.
//
// The output depends on the lock file alone: no times, no paths of this machine. The build refuses to finish if the
// result names an address to load something from.

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "..", "dist");

// Namespaces, and links in menus and messages that a person may follow; nothing is loaded from them.
const LINKED_HOSTS = new Set([
  "codemirror.net",
  "commonmark.org",
  "en.wikipedia.org",
  "github.com",
  "reactjs.org",
  "www.w3.org",
]);

const MIT_TERMS = `Permission is hereby granted, free of charge, to any person obtaining a copy of this software and associated
documentation files (the "Software"), to deal in the Software without restriction, including without limitation the
rights to use, copy, modify, merge, publish, distribute, sublicense, and/or sell copies of the Software, and to permit
persons to whom the Software is furnished to do so, subject to the following conditions:

The above copyright notice and this permission notice shall be included in all copies or substantial portions of the
Software.

THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE
WARRANTIES OF MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL THE AUTHORS OR
COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR
OTHERWISE, ARISING FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE SOFTWARE.
`;

// What is changed in packages before it is bundled. A pattern that is not found any more stops the build.
const rewrites = [
  {
    // Every cut of the fonts, and icons for a gutter that is not shown, are inlined as data URLs: 350 KB, and a content
    // security policy would have to allow them.
    file: /graphiql[\\/]dist[\\/]style\.css$/,
    loader: "css",
    changes: [
      [/@font-face\{[^}]*\}/g, ""],
      [/url\(data:[^)]*\)/g, "none"],
    ],
  },
  {
    // A check for a React older than the lock file allows, with advice to load scripts from a delivery network.
    file: /graphiql[\\/]dist[\\/]index\.mjs$/,
    loader: "js",
    changes: [[/if \(majorVersion < 16\) \{\n.*\n\}/, ""]],
  },
  {
    // A check for two copies of the package, asked for at run time; one bundle has one copy.
    file: /graphql[\\/]jsutils[\\/]instanceOf\.mjs$/,
    loader: "js",
    changes: [[/\bisProduction\s*\?/, "true ?"]],
  },
];

const rewrite = {
  name: "rewrite",
  setup(plugin) {
    for (const { file, loader, changes } of rewrites) {
      plugin.onLoad({ filter: file }, async ({ path }) => {
        let contents = await readFile(path, "utf8");
        for (const [pattern, replacement] of changes) {
          if (contents.search(pattern) < 0) {
            throw new Error(`${file} has changed: ${pattern} is not in it`);
          }
          contents = contents.replace(pattern, replacement);
        }
        return { contents, loader };
      });
    }
  },
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { graphiql: "src/main.jsx" },
  outdir: dist,
  bundle: true,
  minify: true,
  format: "esm",
  target: ["es2022"],
  charset: "utf8",
  jsx: "automatic",
  define: { "process.env.NODE_ENV": '"production"' },
  loader: { ".graphql": "text", ".woff2": "file" },
  assetNames: "[name]",
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  plugins: [rewrite],
});
for (const name of ["index.html", "icon.svg"]) {
  await writeFile(join(dist, name), await readFile(join(here, "src", name)));
}
await writeFile(join(dist, "LICENSES.txt"), await licences(Object.keys(metafile.inputs)));
await refuseForeignAddresses();

// The licence text of every package of which a file went into the bundle.
async function licences(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const found = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input);
    if (found) {
      folders.add(found[0]);
    }
  }
  const sections = [];
  for (const folder of [...folders].sort()) {
    const described = JSON.parse(await readFile(join(here, folder, "package.json"), "utf8"));
    const { name, version, license } = described;
    const files = (await readdir(join(here, folder))).filter((file) => /^(licen[cs]e|notice|copying)/i.test(file)).sort();
    const texts = await Promise.all(files.map((file) => readFile(join(here, folder, file), "utf8")));
    if (texts.length === 0) {
      texts.push(withoutLicenceFile(described));
    }
    sections.push(`${name} ${version} (${license})\n\n${texts.join("\n").replaceAll("\r\n", "\n").trim()}\n`);
  }
  const title = "The built files of this folder contain parts of these packages, each under its licence.\n";
  return [title, ...sections].join(`\n${"-".repeat(80)}\n\n`);
}

// Some packages name their licence without carrying its text.
function withoutLicenceFile({ name, license, author, repository }) {
  if (license !== "MIT") {
    throw new Error(`${name} is published under ${license} without a licence file`);
  }
  const holder = (typeof author === "string" ? author : author?.name) ?? "its authors";
  const source = typeof repository === "string" ? repository : repository?.url;
  return `Copyright (c) ${holder}${source ? ` (${source})` : ""}\n\n${MIT_TERMS}`;
}

// Everything that the page loads comes from its own origin, and no text is evaluated as a script.
async function refuseForeignAddresses() {
  const text = await readFile(join(dist, "graphiql.js"), "utf8");
  const style = await readFile(join(dist, "graphiql.css"), "utf8");
  const refused = [
    ...[...text.matchAll(/https?:\/\/([a-z0-9-]+(?:\.[a-z0-9-]+)+)/gi)]
      .map(([, host]) => host)
      .filter((host) => !LINKED_HOSTS.has(host)),
    ...(text.match(/\bnew Function\(|\beval\(/g) ?? []),
    ...(style.match(/url\((?!"?\.\/)[^)]*\)|@import/g) ?? []),
    ...[text, style].filter((content) => content.includes(here)),
  ];
  if (refused.length > 0) {
    throw new Error(`the bundle must not contain: ${refused.join(", ").slice(0, 500)}`);
  }
}
