import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync} from 'node:fs'
import {createRequire} from 'node:module'
import {tmpdir} from 'node:os'
import {dirname, join, resolve} from 'node:path'
import {after, before, test} from 'node:test'
import {fileURLToPath, pathToFileURL} from 'node:url'

const top = resolve(dirname(fileURLToPath(import.meta.url)), '../..')
const {chromium} = createRequire(`${top}/viewer/`)('playwright-core')
const command = process.env.EXECMAP
const skip = command === undefined ? 'EXECMAP names the command' : false

let browser
let folder
before(async () => {
  if (skip) return
  folder = mkdtempSync(join(tmpdir(), 'execmap-'))
  execFileSync(command, ['run', '-q', '-o', join(folder, 'shop.execmap'), 'shop.py', '1042'], {cwd: join(top, 'examples/shop'), stdio: 'ignore'})
  browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']})
})
after(async () => {
  if (skip) return
  await browser.close()
  rmSync(folder, {recursive: true})
})

async function withPage(view, check) {
  const page = await browser.newPage({viewport: {width: 1440, height: 900}})
  const faults = []
  page.on('pageerror', (error) => faults.push(error.message))
  await page.goto(`${pathToFileURL(join(folder, 'shop.html'))}#${view}`)
  await page.waitForSelector('[role=treeitem]')
  await check(page)
  await page.close()
  assert.deepEqual(faults, [])
}

/** Rows that are seen without scrolling. */
const seen = (page) => page.locator('[role=treeitem]').evaluateAll((rows) => rows.filter((row) => row.getBoundingClientRect().top < 845).map((row) => row.innerText))

test('the first screen shows what the program does, and the first failure', {skip}, () => withPage('map', async (page) => {
  const rows = await seen(page)
  const place = (text) => rows.findIndex((row) => row.includes(text))
  assert.equal(place('main') > 0 && place('main') < place('Cart.load') && place('Cart.load') < place('Cart.checkout') && place('Cart.checkout') < place("× KeyError: 'SPRIG10'"), true, rows.join('\n'))
  assert.equal(rows.filter((row) => row.includes('class body')).length, 0)
}))

test('imports open to their classes, counted', {skip}, () => withPage('map', async (page) => {
  await page.locator('[role=treeitem]', {hasText: 'body of cart.py'}).locator('.fold').click()
  assert.equal(await page.locator('.fold', {hasText: '5 class bodies'}).count(), 1)
}))

test('the end of the program is no failure', {skip}, () => withPage('tree', async (page) => {
  assert.match(await page.locator('.tr').first().innerText(), /SystemExit: 0 ends the program/)
  assert.equal(await page.locator('.tr').first().locator('.er').count(), 0)
  assert.equal((await page.locator('.panel').innerText()).includes('SystemExit'), false)
}))

test('no note in the tree is cut to a few letters', {skip}, () => withPage('tree', async (page) => {
  const widths = await page.locator('.tr .tx > span').evaluateAll((notes) => notes
    .filter((note) => note.getBoundingClientRect().top < note.parentElement.getBoundingClientRect().bottom)
    .map((note) => [note.clientWidth, note.scrollWidth, note.innerText]))
  assert.deepEqual(widths.filter(([shown, whole]) => shown < whole && shown < 40), [])
}))
