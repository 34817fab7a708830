// Builds the page template: one HTML file with style and script inlined and the three placeholders left for the writer.
import {build} from 'esbuild'
import {mkdir, readFile, writeFile} from 'node:fs/promises'
import {dirname, resolve} from 'node:path'
import {fileURLToPath} from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))
const target = resolve(here, '../crates/execmap-web/assets/page.html')
const LIMIT_BYTES = 165_000

const result = await build({
  entryPoints: [resolve(here, 'src/main.tsx')],
  bundle: true,
  minify: true,
  write: false,
  outdir: 'out',
  format: 'iife',
  target: ['es2022', 'chrome111', 'firefox115', 'safari16.4'],
  charset: 'utf8',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  legalComments: 'none',
  define: {'process.env.NODE_ENV': '"production"'},
})

const text = (ending) => result.outputFiles.find((file) => file.path.endsWith(ending)).text.trim()
const script = text('.js').replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--')
const style = text('.css')
const template = await readFile(resolve(here, 'src/page.html'), 'utf8')
const page = template
  .replace('/*STYLE*/', () => style)
  .replace('/*SCRIPT*/', () => script)

const size = Buffer.byteLength(page)
if (size > LIMIT_BYTES) throw new Error(`page.html is ${size} bytes; the limit is ${LIMIT_BYTES}`)
await mkdir(dirname(target), {recursive: true})
await writeFile(target, page)
console.log(`page.html ${size} bytes (script ${Buffer.byteLength(script)}, style ${Buffer.byteLength(style)})`)
