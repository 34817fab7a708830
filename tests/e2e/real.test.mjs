import assert from 'node:assert/strict'
import {execFileSync} from 'node:child_process'
import {mkdtempSync, rmSync, writeFileSync} from 'node:fs'
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

async function withPage(view, check, height = 900) {
  const page = await browser.newPage({viewport: {width: 1440, height}})
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

test('the first screen shows what the program does, and points to the first failure', {skip}, () => withPage('map', async (page) => {
  const rows = await seen(page)
  const place = (text) => rows.findIndex((row) => row.includes(text))
  assert.equal(place('main') > 0 && place('main') < place('Cart.load') && place('Cart.load') < place('Cart.checkout'), true, rows.join('\n'))
  await page.locator('.panel button', {hasText: "× KeyError: 'SPRIG10'"}).click()
  assert.match(await page.locator('.r', {hasText: "× KeyError: 'SPRIG10'"}).innerText(), /handled here, in Cart\.checkout/)
  assert.equal(await page.locator('.r.sel', {hasText: 'coupon'}).isVisible(), true)
}))

/** The rows of the map as the page draws them: calls with the names of their arguments, heads of blocks, and what is not shown. */
const drawn = (page) => page.locator('.map [role=treeitem]').evaluateAll((rows) => rows.flatMap((row) => {
  const text = (selector) => [...row.querySelectorAll(selector)].map((part) => part.textContent)
  const [name] = text('.lb > b:not(.head)')
  if (name !== undefined) return [[name.split('.').at(-1), ...text('.lb > .times'), ...text('.lb .ar i')].join(' ')]
  const [head = ''] = text('.lb .head')
  if (head.startsWith('loop ') || head === 'recursion' || / of /.test(head)) return [head]
  return text('.lb > .fold').filter((pill) => pill !== '')
}))

/** The same of the map that the command writes. */
function written(trace) {
  const map = JSON.parse(execFileSync(command, ['map', trace, '--json'], {encoding: 'utf8'}))
  const around = [1]
  const bare = (name) => name.split('.').at(-1).replace(/^class /, '')
  const bodies = {classes: 'class bod', modules: 'module bod'}
  return map.rows.flatMap((row) => {
    const head = row.text?.split(': ')[0]
    switch (row.kind) {
      case 'call': {
        const times = row.times === around.at(-1) ? [] : [`${row.times.toLocaleString('en')}×`]
        return [[bare(row.name), ...times, ...row.args.map(([name]) => `${name}=`)].join(' ')]
      }
      case 'more':
        return [row.bodies ? `${row.calls} ${bodies[row.bodies]}${row.calls === 1 ? 'y' : 'ies'}` : `${row.calls.toLocaleString('en')} more call${row.calls === 1 ? '' : 's'}`]
      case 'block':
        around.push(row.times)
        if (row.block === 'loop') return [`loop ${row.text.split(/, | in /)[0]}`]
        return row.block === 'recursion' ? ['recursion'] : row.block === 'parallel' ? [] : [head]
      case 'section':
        around[around.length - 1] = row.times
        return / of /.test(head) ? [head] : []
      case 'end':
        around.pop()
        return []
      default:
        return []
    }
  })
}

test('the page and the command show the same map', {skip}, async () => {
  const program = join(folder, 'program.py')
  writeFileSync(program, PROGRAM)
  execFileSync(command, ['run', '-q', '-o', join(folder, 'program.execmap'), program], {cwd: folder, stdio: 'ignore'})
  for (const name of ['shop', 'program']) {
    const page = await browser.newPage({viewport: {width: 1600, height: 6000}})
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href)
    await page.waitForSelector('[role=treeitem]')
    assert.deepEqual(await drawn(page), written(join(folder, `${name}.execmap`)), name)
    await page.close()
  }
})

/** Loops in loops, variants, failures, recursion, threads, and more calls than fit. */
const PROGRAM = `
import threading

class Cart:
    def __init__(self):
        self.lines = []
    def add(self, qty):
        self.lines.append(price(qty))
        return len(self.lines)

def price(qty):
    if qty == 7:
        raise ValueError(qty)
    return tier(qty) * qty

def tier(qty):
    return 2 if qty > 5 else 3

def walk(depth):
    return 1 + (walk(depth - 1) + walk(depth - 1) if depth else 0)

def work(job):
    return job

def main():
    cart = Cart()
    for order in range(40):
        for qty in range(order % 9):
            try:
                cart.add(qty)
            except ValueError:
                work(order)
    walk(8)
    threads = [threading.Thread(target=work, args=(job,)) for job in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
${Array.from({length: 50}, (_, at) => `    step_${at}()`).join('\n')}

${Array.from({length: 50}, (_, at) => `def step_${at}():\n    return work(${at})`).join('\n')}

main()
`

test('an iteration is picked by button, key, number and link', {skip}, () => withPage('map', async (page) => {
  const head = page.locator('.r.bh', {hasText: 'line 69'})
  const price = async () => (await page.locator('.r', {hasText: 'price(line='}).first().innerText()).replace(/\s+/g, ' ')
  assert.match(await head.getByRole('button', {name: 'all'}).getAttribute('aria-pressed'), /true/)
  const all = await page.locator('.map .r').count()
  assert.match(await price(), /sku='C-665' qty=2>, .* distinct|sku='C-665'/)
  await head.getByRole('button', {name: 'First iteration'}).click()
  const first = await price()
  assert.match(first, /price ?\(line=<Line sku='C-665' qty=2>\)/)
  assert.equal(await page.locator('.map .r', {hasText: '900 of 1,000'}).count(), 0)
  await head.click()
  await page.keyboard.press(']')
  assert.match(await price(), /sku='B-502'/)
  await page.keyboard.press('[')
  assert.equal(await price(), first)
  const field = head.getByRole('textbox')
  await field.fill('417')
  await field.press('Enter')
  assert.match(await price(), /sku='B-124'/)
  await page.waitForFunction(() => /it=o\d+:417/.test(location.hash))
  const link = page.url()
  await page.goto('about:blank')
  await page.goto(link)
  await page.waitForSelector('[role=treeitem]')
  assert.match(await price(), /sku='B-124'/)
  await head.getByRole('button', {name: 'Last iteration'}).click()
  assert.equal(await field.inputValue(), '1000')
  assert.equal(await head.getByRole('button', {name: 'Iteration after'}).isDisabled(), true)
  await head.getByRole('slider').focus()
  await page.keyboard.press('PageUp')
  await page.keyboard.press('PageDown')
  await page.keyboard.press('PageDown')
  assert.equal(await field.inputValue(), '980')
  await head.getByRole('button', {name: 'all'}).click()
  assert.equal(await page.locator('.map .r').count(), all)
}, 3000))

test('blocks and calls open and fold in place, by click and by keys', {skip}, () => withPage('map', async (page) => {
  const head = page.locator('.r.bh', {hasText: 'line 69'})
  const rows = await page.locator('.tb .note').innerText()
  await head.locator('.fold').click()
  assert.equal(await head.getAttribute('aria-expanded'), 'false')
  assert.notEqual(await page.locator('.tb .note').innerText(), rows)
  await head.click()
  await page.keyboard.press('ArrowRight')
  assert.equal(await page.locator('.tb .note').innerText(), rows)
  const save = page.locator('.r', {hasText: 'Cart.save('}).first()
  await save.locator('.fold', {hasText: 'call'}).click()
  assert.equal(await save.getAttribute('aria-expanded'), 'true')
  const discount = page.locator('.r', {hasText: 'bundle_discount('}).first()
  if (await discount.getAttribute('aria-expanded') === 'false') await discount.locator('.fold').click()
  await page.locator('.r.bh', {hasText: 'recursion'}).getByRole('button', {name: 'call by call'}).click()
  assert.equal(await page.locator('.r', {hasText: 'bundle_discount('}).count() >= 3, true)
}, 3000))

test('no label lies over another, and all lie in the map', {skip}, async () => {
  for (const [width, height] of [[1440, 900], [1920, 1080], [390, 844]]) {
    const page = await browser.newPage({viewport: {width, height: 6000}})
    await page.goto(`${pathToFileURL(join(folder, 'shop.html'))}#map&it=o29:8`)
    await page.waitForSelector('[role=treeitem]')
    const faults = await page.locator('.map .r').evaluateAll((rows) => {
      const found = []
      const box = (element) => element.getBoundingClientRect()
      for (const row of rows) {
        const label = row.querySelector('.lb')
        const picks = row.querySelector('.pick')
        if (label === null) continue
        if (box(label).right > box(row).right + 1) found.push(`outside: ${label.textContent}`)
        if (picks !== null && box(label).right > box(picks).left + 1) found.push(`over its controls: ${label.textContent}`)
        if (box(label).bottom > box(row).bottom + 3 || box(label).top < box(row).top - 3) found.push(`out of its row: ${label.textContent}`)
      }
      const heads = [...document.querySelectorAll('.hd')].map(box)
      heads.slice(1).forEach((head, at) => head.left < heads[at].right - 1 && found.push(`heads ${at}`))
      return found
    })
    assert.deepEqual(faults, [], `${width}×${height}`)
    await page.close()
  }
})

test('what is not shown opens in its place, counted', {skip}, () => withPage('map', async (page) => {
  const row = page.locator('.r:not(:has(b)):has(.fold)').first()
  const calls = Number((await row.locator('.fold').innerText()).split(' ')[0])
  const rows = await page.locator('.map .r').count()
  await row.locator('.fold').click()
  assert.equal(await page.locator('.map .r').count(), rows + calls)
}, 3000))

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
