import assert from 'node:assert/strict'
import {createRequire} from 'node:module'
import {dirname, resolve} from 'node:path'
import {after, before, test} from 'node:test'
import {fileURLToPath, pathToFileURL} from 'node:url'

const viewer = resolve(dirname(fileURLToPath(import.meta.url)), '../../viewer')
const {chromium} = createRequire(`${viewer}/`)('playwright-core')

let browser
before(async () => {
  browser = await chromium.launch({executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox', '--disable-gpu']})
})
after(() => browser.close())

/** Opens a page; a script error, a blocked resource or a request beyond the file fails the test. */
async function withPage(file, options, check) {
  const context = await browser.newContext({viewport: {width: 1440, height: 900}, colorScheme: 'light', ...options})
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (error) => faults.push(error.message))
  page.on('console', (message) => message.type() === 'error' && faults.push(message.text()))
  page.on('request', (request) => /^(file|data):/.test(request.url()) || faults.push(request.url()))
  await page.goto(`${pathToFileURL(`${viewer}/out/`)}${file}`)
  await page.waitForSelector('.bar', {timeout: 60_000})
  await check(page)
  await context.close()
  assert.deepEqual(faults, [])
}

const row = (page, text) => page.locator('[role=treeitem]', {hasText: text}).first()

test('the next failure is brought on the map with where it is handled', () => withPage('shop.html', {}, async (page) => {
  assert.equal(await page.title(), 'shop.py 1042 · execmap')
  assert.equal(await page.locator('.map .r').evaluateAll((rows) => rows.length < 100), true)
  await page.keyboard.press('e')
  assert.match(await row(page, "× KeyError: 'SPRIG10'").innerText(), /handled here, in Cart\.checkout/)
}))

test('opening and folding a call does not move its row', () => withPage('shop.html', {}, async (page) => {
  const name = row(page, 'Cart.load')
  const top = async () => (await name.boundingBox()).y
  const rows = async () => Number((await page.locator('.tb .note').innerText()).replace(/ .*|,/g, ''))
  const [start, before] = [await top(), await rows()]
  await name.locator('.fold').click()
  assert.equal(await top(), start)
  assert.equal(await rows() > before + 100, true)
  await page.locator('.map').evaluate((map) => map.scrollBy(0, 3))
  const moved = await top()
  await name.hover()
  await name.locator('.fold').click()
  assert.equal(await top(), moved)
  assert.equal(await rows(), before)
}))

test('choosing fills the panel, the address and the path; back undoes it', () => withPage('shop.html', {}, async (page) => {
  await page.keyboard.press('e')
  await page.waitForFunction(() => location.hash.includes('sel=c-'))
  assert.equal(await page.locator('.panel h2').innerText(), 'pricing.coupon')
  assert.match(await page.locator('.panel').innerText(), /handled in Cart\.checkout/)
  assert.equal(await page.locator('.status .now').innerText(), 'coupon')
  const link = page.url()
  await page.goBack()
  await page.waitForFunction(() => document.querySelector('.panel h2').innerText === 'shop.py 1042')
  await page.goto('about:blank')
  await page.goto(link)
  assert.equal(await page.locator('.panel h2').innerText(), 'pricing.coupon')
  assert.equal(await page.locator('.r.sel', {hasText: 'coupon'}).isVisible(), true)
}))

test('everything can be reached by keys', () => withPage('shop.html', {}, async (page) => {
  await page.keyboard.press('j')
  assert.equal(await page.locator('[aria-selected=true][role=treeitem]').getAttribute('aria-level'), '1')
  const rows = await page.locator('.map .r').count()
  await page.keyboard.press('ArrowLeft')
  assert.equal(await page.locator('[aria-selected=true][role=treeitem]').getAttribute('aria-expanded'), 'false')
  assert.equal(await page.locator('.map .r').count() < rows, true)
  await page.keyboard.press('ArrowRight')
  assert.equal(await page.locator('.map .r').count(), rows)
  await page.keyboard.press('e')
  assert.match(await page.locator('.panel .sub').innerText(), /failed in 20 µs/)
  await page.keyboard.press('?')
  assert.equal(await page.getByRole('dialog', {name: 'Keys'}).isVisible(), true)
  await page.keyboard.press('Escape')
  assert.equal(await page.getByRole('dialog').count(), 0)
  await page.keyboard.press('2')
  assert.equal(await page.getByRole('tab', {name: /Tree/}).getAttribute('aria-selected'), 'true')
  assert.equal(await page.locator('.tr.sel').isVisible(), true)
  await page.keyboard.press('t')
  await page.waitForFunction(() => document.documentElement.dataset.theme === 'dark' && location.hash.endsWith('theme=dark'))
}))

test('a search steps through its hits in every view', () => withPage('shop.html', {}, async (page) => {
  await page.keyboard.press('/')
  await page.keyboard.type('backorder')
  assert.match(await page.locator('.tb').innerText(), /100 calls/)
  await page.keyboard.press('Enter')
  assert.match(await page.locator('.tb').innerText(), /1 of 100/)
  await page.keyboard.press('Tab')
  await page.keyboard.press('n')
  assert.match(await page.locator('.tb').innerText(), /2 of 100/)
  assert.equal(await page.locator('.r.sel .hit').first().innerText(), 'backorder')
  for (const key of ['2', '3']) {
    await page.keyboard.press(key)
    assert.equal(await page.locator('.sel .hit').first().innerText(), 'backorder')
  }
}))

test('a million calls open and scroll with few elements', () => withPage('million.html', {}, async (page) => {
  const few = () => page.evaluate(() => document.querySelectorAll('*').length < 3000)
  for (let press = 0; press < 4; press++) await page.keyboard.press('Shift+ArrowRight')
  await page.keyboard.press('End')
  await page.locator('.r.sel').waitFor()
  assert.equal(await few(), true)
  await page.keyboard.press('2')
  await page.keyboard.press('Home')
  await page.keyboard.press('Shift+ArrowRight')
  assert.match(await page.locator('.tb .note').innerText(), /^1,\d{3},\d{3} rows/)
  await page.keyboard.press('End')
  await page.locator('.tr.sel').waitFor()
  assert.equal(await few(), true)
}))

test('a deep failure opens whole', () => withPage('abyss.html', {}, async (page) => {
  await page.keyboard.press('e')
  assert.match(await page.locator('.tb .note').innerText(), /^200,00\d rows/)
  await page.keyboard.press('End')
  await page.waitForTimeout(300)
  assert.match(await row(page, '× RecursionError').innerText(), /passes through 199,999 calls up to walk, handled here, in main/)
}))

test('nothing recorded says so', () => withPage('empty.html', {}, async (page) => {
  assert.match(await page.locator('.empty').innerText(), /^No calls were recorded\./)
}))

test('on a phone the panel is a sheet', () => withPage('shop.html', {viewport: {width: 390, height: 844}, hasTouch: true}, async (page) => {
  await page.keyboard.press('e')
  await row(page, 'coupon').tap()
  assert.equal((await page.locator('.panel').boundingBox()).height < 60, true)
  await page.locator('.peek').tap()
  assert.equal((await page.locator('.panel').boundingBox()).height > 400, true)
  assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), 390)
}))
