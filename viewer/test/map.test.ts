import {expect, test} from 'vitest'
import {iterationAt, iterationHolding, nodeAt, positionOf, callAtPosition} from '../src/data/folded.ts'
import {RAISED} from '../src/data/table.ts'
import {columnsFitting, geometry} from '../src/logic/geometry.ts'
import {iterationStrip} from '../src/logic/iterations.ts'
import {lanesOf} from '../src/logic/lanes.ts'
import {FIRST_MAP, LINE, type Line, type MapOpen} from '../src/logic/mapline.ts'
import {mapLines} from '../src/logic/maplines.ts'
import {revealingOnMap} from '../src/logic/mapreveal.ts'
import {describeMapRows, mapHeights, type MapContext} from '../src/logic/maprow.ts'
import {minimapMarks} from '../src/logic/minimap.ts'
import type {Model} from '../src/logic/model.ts'
import {firstFunctions, participants} from '../src/logic/participants.ts'
import {NO_HITS} from '../src/logic/search.ts'
import {foldLine, mapRowOf, moveLine, openLine, pickIteration, stepIteration, toggleLine} from '../src/state/actions.ts'
import {firstState} from '../src/state/app.ts'
import {fromFragment, toFragment} from '../src/state/fragment.ts'
import {deep, lanes, million, shop} from './fixtures/runs.ts'
import {modelOf, ordersModel} from './model.ts'

function contextOf(model: Model, open: MapOpen = FIRST_MAP, width = 1054, narrow = false): Omit<MapContext, 'known'> {
  const rails = lanesOf(model)
  const rows = mapLines(model, open, mapHeights(narrow))
  const fit = columnsFitting(width, rails.rails, narrow)
  const {columns, columnOf} = participants(model.page.functions, firstFunctions(model.page.map), rows.lines.map(({fn}) => fn).filter((fn) => fn >= 0), fit)
  return {model, rows, columnOf, columns: columns.length, lanes: rails, chosen: -1, cursor: '', hits: NO_HITS, geometry: geometry(width, columns.length, rails.rails, narrow)}
}

const KINDS: Record<Line['kind'], string> = {
  [LINE.call]: '', [LINE.leaf]: '', [LINE.return]: '<-', [LINE.fail]: '×', [LINE.suspended]: 'suspended', [LINE.unfinished]: 'unfinished', [LINE.more]: 'more', [LINE.block]: '[', [LINE.section]: '|', [LINE.note]: '#',
}

/** Rows as text, ends of calls left out. */
function text(model: Model, open: MapOpen = FIRST_MAP): string[] {
  const context = contextOf(model, open)
  return describeMapRows(context, 0, context.rows.length).filter(({kind}) => kind !== LINE.return).map(({kind, level, label}) => {
    const args = label.args === null ? '' : `(${label.args.map(({name, value}) => `${name}=${value.text}`).join(', ')})`
    return `${'  '.repeat(level - 1)}${[KINDS[kind], label.head, label.name + args, label.times, label.failure === '' ? '' : label.failure, label.pill?.text ?? '', label.note].filter(Boolean).join(' ')}`
  })
}

const orders = ordersModel()
const keyOf = (model: Model, kind: string, starts = '') => `o${model.page.map.findIndex((line) => line.kind === kind && line.text.startsWith(starts))}`
const loop = keyOf(orders, 'loop', '40×')

test('the first picture is the map of the commands', () => {
  expect(text(orders)).toEqual([
    '  [ in parallel threads MainThread, pool-0', '  | thread MainThread', '  main()',
    '      [ loop 40× line 100', '      order(number=0..39)', '          [ loop 79× in 40 rounds, 1 to 3 each, line 20', '          price(qty=1..3)', '            tier(qty=1..3)',
    '        | 4 of 40 with reserve fails', '        reserve(order=7..37, 4 distinct)', "        × KeyError: 'none left'",
    '    walk(depth=1)', '        [ recursion 63 calls of walk, 6 deep, as one', '          | 31 of 63 with walk', '          walk(depth=2..6) goes on as above', '          walk(depth=2..6) goes on as above',
    '  | thread pool-0', '    [ loop 12×', '    count(shelf=0..11)',
  ])
})

test('an iteration shows its own calls and values', () => {
  const open = {...FIRST_MAP, picks: new Map([[loop, 18]])}
  const shown = text(orders, open)
  expect(shown.slice(3, 14)).toEqual([
    '      [ loop 40× line 100', '      order(number=17)', '          [ loop 3× line 20', '          price(qty=1)', '            tier(qty=1)',
    '      reserve(order=17)', "      × KeyError: 'none left' handled here, in main",
    '    walk(depth=1)', '        [ recursion 63 calls of walk, 6 deep, as one', '          | 31 of 63 with walk', '          walk(depth=2..6) goes on as above',
  ])
  const {lines} = mapLines(orders, open, mapHeights(false))
  const inner = lines.find(({block}) => block?.key.startsWith('l') === true)!.block!
  expect(inner.picking).toMatchObject({at: 1, total: 3, hasAll: false})
  const third = text(orders, {...open, picks: new Map([[loop, 18], [inner.key, 3]])})
  expect(third.slice(6, 8)).toEqual(['          price(qty=3)', '            tier(qty=3)'])
})

test('a recursion is shown call by call, and folded calls open exactly', () => {
  const key = keyOf(orders, 'recursion')
  const shown = text(orders, {...FIRST_MAP, picks: new Map([[key, 1]])})
  expect(shown.slice(11, 15)).toEqual(['    walk(depth=1)', '        [ recursion 63 calls of walk, 6 deep, as one', '        walk(depth=2) 30 calls', '        walk(depth=2) 30 calls'])
  const opened = text(orders, {toggled: new Set([`c${orders.page.map.find(({text: name}) => name === 'walk')!.call! + 1}`]), picks: new Map([[key, 1]])})
  expect(opened.slice(13, 16)).toEqual(['        walk(depth=2)', '          walk(depth=3) 14 calls', '          walk(depth=3) 14 calls'])
})

test('every call has its place in the folded tree', () => {
  for (const model of [orders, modelOf(shop()), modelOf(lanes())]) {
    const tree = model.folded!
    for (let call = 0; call < model.calls.length; call++) {
      const position = positionOf(tree, call)
      expect(callAtPosition(tree, position)).toBe(call)
      const node = nodeAt(tree, position)
      expect(tree.nodeFunction[node]).toBe(model.calls.function[call])
      expect(tree.nodeEnd[node]).toBe(model.calls.outcome[call])
    }
  }
})

test('iterations are found by number and by call', () => {
  const tree = orders.folded!
  const {repeat, call} = orders.page.map.find(({kind, text: head}) => kind === 'loop' && head.startsWith('40×'))!
  const first = positionOf(tree, call!)
  for (let iteration = 0; iteration < 40; iteration++) {
    const {before, seq} = iterationAt(tree, repeat!, iteration)!
    const order = callAtPosition(tree, first + before)
    expect(orders.page.texts[orders.calls.argTexts[orders.calls.argsStart[order]!]!]).toBe(String(iteration))
    expect(iterationHolding(tree, repeat!, before + tree.seqCalls[seq]! - 1)).toMatchObject({iteration, before})
  }
  expect(iterationAt(tree, repeat!, 40)).toBeNull()
  const strip = iterationStrip(tree, repeat!, 40)
  expect(Array.from(strip.failed).flatMap((part, at) => (part > 0 ? [at] : []))).toEqual([7, 17, 27, 37])
  const narrow = iterationStrip(tree, repeat!, 7)
  expect(narrow.failed.reduce((sum, part) => sum + part, 0) * (40 / 7)).toBeCloseTo(4)
})

test('any call can be brought on the map', () => {
  for (const model of [orders, modelOf(shop()), modelOf(lanes())]) {
    for (let call = 0; call < model.calls.length; call += model.calls.length > 500 ? 131 : 1) {
      const {lines} = mapLines(model, revealingOnMap(model, FIRST_MAP, call), mapHeights(false))
      const found = lines.some((line) => (line.kind === LINE.call || line.kind === LINE.leaf) && line.call === call && line.times === 1)
      expect(found, `c-${call}`).toBe(true)
    }
  }
})

test('what is revealed twice stays', () => {
  const once = revealingOnMap(orders, FIRST_MAP, 60)
  const again = revealingOnMap(orders, once, 60)
  expect([...again.toggled]).toEqual([...once.toggled])
  expect([...again.picks]).toEqual([...once.picks])
})

test('rows are the same wherever the window on them begins, and none is drawn outside', () => {
  for (const model of [orders, modelOf(shop()), modelOf(lanes())]) {
    for (const narrow of [false, true]) {
      const context = contextOf(model, {...FIRST_MAP, picks: new Map([[loop, 8]])}, narrow ? 390 : 1054, narrow)
      const all = describeMapRows(context, 0, context.rows.length)
      expect(describeMapRows(context, 5, 9)).toEqual(all.slice(5, 9))
      for (const row of all) {
        expect(row.arrow?.width ?? 1).toBeGreaterThan(0)
        expect(row.label.width).toBeGreaterThan(row.controls === null ? 110 : 50)
        expect(row.label.x + row.label.width).toBeLessThanOrEqual(context.geometry.width)
        for (const bar of row.bars) expect(bar.x).toBeGreaterThan(0)
      }
      expect(minimapMarks(context.rows, context.columnOf, context.columns, 36, 200).length).toBeGreaterThan(5)
    }
  }
})

test('a failure says where it goes, and passes through calls in one row', () => {
  const model = modelOf(shop())
  const context = contextOf(model, [...model.origins].reduce((open, call) => revealingOnMap(model, open, call), FIRST_MAP))
  const failures = describeMapRows(context, 0, context.rows.length).filter(({label}) => label.failure !== '').map(({label}) => `${label.failure} | ${label.note}`)
  expect(failures).toContain("KeyError: 'SPRIG10' | handled here, in Cart.checkout")
  expect(failures).toContain('PaymentFailed: 1042 | passes through Cart.checkout, handled here, in main')
  expect(context.rows.lines.filter(({kind, outcome, call}) => kind === LINE.leaf && outcome === RAISED && call >= 0)).toEqual([])
})

test('a row can be spoken', () => {
  const context = contextOf(orders, {...FIRST_MAP, picks: new Map([[loop, 18]])})
  const spoken = describeMapRows(context, 0, context.rows.length).map((row) => row.spoken)
  expect(spoken).toContain('loop 40×, line 100, iteration 18 of 40')
  expect(spoken.find((line) => line.startsWith('reserve, '))).toMatch(/^reserve, called by main, order 17, failed with KeyError: 'none left', /)
})

test('keys open, fold and step through iterations; a link brings the same back', () => {
  const first = firstState(orders)
  const rowsOf = (map: MapOpen) => mapLines(orders, map, mapHeights(false))
  let state = moveLine(orders, first, rowsOf(first.map), 1)
  expect(state.cursor).toBe('o0')
  for (let step = 0; step < 2; step++) state = moveLine(orders, state, rowsOf(state.map), 1)
  expect(state.cursor).toBe(loop)
  state = stepIteration(state, rowsOf(state.map), 1)
  state = stepIteration(state, rowsOf(state.map), 1)
  expect(state.map.picks.get(loop)).toBe(2)
  const rows = rowsOf(state.map)
  state = openLine(orders, moveLine(orders, state, rows, 1), rows, false)
  expect(orders.page.functions[orders.calls.function[state.chosen]!]!.name).toBe('order')
  const link = toFragment(state, first.open)
  const again = fromFragment(orders, first, `#${link}`)
  expect({...again, reveal: null}).toEqual({...state, reveal: null})
  expect(mapRowOf(again, rowsOf(again.map))).toBe(mapRowOf(state, rowsOf(state.map)))
  state = foldLine(orders, {...state, cursor: loop}, rowsOf(state.map))
  expect(state.map.toggled.has(loop)).toBe(true)
  expect(toggleLine(state, loop).map.toggled.size).toBe(0)
  const {picking} = rowsOf(FIRST_MAP).lines.find(({key}) => key === loop)!.block!
  expect(pickIteration(first, picking!, 999).map.picks.get(loop)).toBe(40)
  expect(pickIteration(state, picking!, 0).map.picks.has(loop)).toBe(false)
  expect(fromFragment(orders, first, '#map&rows=x.o1&it=l3:y.o2:4&row=../').map).toEqual({toggled: new Set(['o1']), picks: new Map([['o2', 4]])})
})

test('a call with a hundred thousand others below it has rows for a few hundred, the rest is counted', () => {
  const model = modelOf(million(100_000))
  const wide = mapLines(model, {...FIRST_MAP, toggled: new Set(['o0', 'o1', 'c0', 'c1', 'c2'])}, mapHeights(false))
  expect(wide.length).toBeLessThan(2_000)
})

test('a chain two hundred thousand deep has rows without a stack', () => {
  const model = modelOf(deep(200_000))
  const all = {...FIRST_MAP, toggled: new Set([`o${model.page.map.length - 1}`, ...Array.from({length: 200_001}, (_, call) => `c${call}`)])}
  const {length} = mapLines(model, all, mapHeights(false))
  expect(length).toBeGreaterThan(200_000)
})

test('participants merge into their package, fewest rows first, until they fit; what is opened later moves no column', () => {
  const {page} = modelOf(shop())
  const first = new Map(page.functions.map((row, at) => [at, row.calls]))
  expect(participants(page.functions, first, [], 9).columns.map(({name}) => name)).toEqual(['shop', 'Cart', 'Line', 'pricing', 'stock', 'payments'])
  const merged = participants(page.functions, first, [], 4)
  expect(merged.columns.map(({above, name}) => `${above}: ${name}`)).toEqual(['script: shop', '3 merged: shop', 'shop: pricing', 'shop: stock'])
  expect(merged.columns[1]?.members.toSorted()).toEqual(['Cart', 'Line', 'shop.payments'])
  const few = new Map([...first].filter(([at]) => ['shop', 'Cart'].includes(page.functions[at]!.participant)))
  const grown = participants(page.functions, few, first.keys(), 4)
  expect(grown.columns.map(({name}) => name)).toEqual(['shop', 'Cart', 'Line', 'pricing', 'shop'])
  expect(grown.columns[4]?.members.toSorted()).toEqual(['shop.payments', 'shop.stock'])
  const [before] = participants(page.functions, few, [], 4).columns
  expect(grown.columns[0]).toEqual(before)
})
