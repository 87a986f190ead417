// Bundles src/ into dist/, which is committed: `cargo build` alone embeds it, without Node.
import { build } from 'esbuild';
import { copyFile, mkdir, readFile, rm, stat, writeFile, readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, 'dist');

/** GraphiQL's stylesheet holds two fonts as data: URLs, nine tenths of its size. */
const withoutFonts = {
  name: 'without-fonts',
  setup(build) {
    build.onLoad({ filter: /graphiql[/\\]dist[/\\]style\.css$/ }, async ({ path }) => ({
      contents: (await readFile(path, 'utf8')).replace(/@font-face\s*\{[^}]*\}/g, ''),
      loader: 'css',
    }));
  },
};

/**
 * The dialogs' scroll lock writes a <style> element, which would need 'unsafe-inline' in the
 * Content-Security-Policy; src/style-singleton.js does the same by a constructed style sheet.
 */
const withoutInlineStyle = {
  name: 'without-inline-style',
  setup(build) {
    build.onResolve({ filter: /^react-style-singleton$/ }, () => ({ path: join(here, 'src/style-singleton.js') }));
  },
};

await rm(dist, { recursive: true, force: true });
await mkdir(dist);
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { graphiql: 'src/main.jsx' },
  outdir: dist,
  bundle: true,
  minify: true,
  format: 'esm',
  // light-dark() and constructed style sheets: every browser since May 2024.
  target: ['chrome123', 'firefox120', 'safari17.5'],
  jsx: 'automatic',
  define: { 'process.env.NODE_ENV': '"production"' },
  legalComments: 'none', // all of them are in licenses.txt
  plugins: [withoutFonts, withoutInlineStyle],
  metafile: true,
  logLevel: 'warning',
});
await copyFile(join(here, 'src/index.html'), join(dist, 'index.html'));
await writeFile(join(dist, 'licenses.txt'), await licenses(Object.keys(metafile.inputs)));

for (const name of (await readdir(dist)).sort()) {
  console.log(`web/dist/${name}: ${(await stat(join(dist, name))).size} bytes`);
}

/** The licences of the packages whose code is in the bundle, as they ask for; the same text once. */
async function licenses(inputs) {
  const packages = new Set();
  for (const input of inputs) {
    const found = input.match(/^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//);
    if (found) packages.add(found[1]);
  }
  const holders = new Map();
  for (const path of [...packages].sort()) {
    const { name, version, license } = JSON.parse(await readFile(join(here, path, 'package.json'), 'utf8'));
    const file = (await readdir(join(here, path))).find((f) => /^licen[cs]e/i.test(f));
    const text = file ? (await readFile(join(here, path, file), 'utf8')).trim() : '(no licence file in the package)';
    holders.set(text, [...(holders.get(text) ?? []), `${name} ${version} (${license})`]);
  }
  const parts = [...holders].map(([text, names]) => `${names.join('\n')}\n\n${text}\n`);
  return parts.join(`\n${'-'.repeat(72)}\n\n`);
}
