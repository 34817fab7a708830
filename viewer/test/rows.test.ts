import {expect, test} from 'vitest'
import {EXITED, NONE} from '../src/data/table.ts'
import {exitText} from '../src/logic/label.ts'
import {firstOpening, foldedAll, FIRST_MESSAGES, revealing, withAllBelow, withCall} from '../src/logic/open.ts'
import {buildRows, rowAt, rowOfCall, ROW} from '../src/logic/rows.ts'
import {treeHeights} from '../src/logic/treerow.ts'
import {recorder} from './fixtures/recorder.ts'
import {deep, empty, million, shop} from './fixtures/runs.ts'
import {drawn, modelOf, rowsText} from './model.ts'

test('a folded call is one row', () => {
  const model = drawn(`
    main
      load
        row
      save
  `)
  const folded = foldedAll(model)
  expect(rowsText(model, folded)).toEqual(['main'])
  const open = withCall(withCall(folded, 0, true), 1, true)
  expect(rowsText(model, open)).toEqual(['main', '  load', '    row', '  save'])
})

test('opening changes no row above', () => {
  const model = modelOf(shop())
  const open = firstOpening(model)
  const before = rowsText(model, open)
  const [row, call] = [17, buildRows(model, open, treeHeights(false)).call[17]!]
  const after = rowsText(model, withAllBelow(model, open, call, true))
  expect(after.slice(0, row + 1)).toEqual(before.slice(0, row + 1))
})

test('equal neighbouring leaf calls are one row, exactly', () => {
  const model = drawn(`
    main
      a
      a
      a
      b
      a
  `)
  expect(rowsText(model, withCall(foldedAll(model), 0, true))).toEqual(['main', '  equal a 3×', '  b', '  a'])
})

test('many children keep the first of each function and every early failure', () => {
  const lines = Array.from({length: 200}, (_, at) => `      ${at === 150 ? 'x!' : at === 90 ? 'rare' : at % 2 === 0 ? 'a' : 'b'}`)
  const model = drawn(`    main\n${lines.join('\n')}`)
  expect(rowsText(model, withCall(foldedAll(model), 0, true))).toEqual([
    'main', '  a', '  b', '  stretch a 88×', '  rare', '  stretch b 59×', '  x', '  stretch b 48×', '  b',
  ])
})

test('the first picture keeps to its budget and opens the first failure', () => {
  for (const model of [modelOf(shop()), modelOf(million(50_000))]) {
    const rows = buildRows(model, firstOpening(model), treeHeights(false))
    expect(rows.length).toBeLessThanOrEqual(FIRST_MESSAGES + 10)
    expect(rows.length).toBeGreaterThan(20)
  }
})

test('revealing opens the path and the stretches that hide a call', () => {
  const model = modelOf(million(30_000))
  const call = 21_111
  const rows = buildRows(model, revealing(model, foldedAll(model), call), treeHeights(false))
  expect(rowOfCall(rows, call)).toBeGreaterThan(0)
})

test('every call has its place when all is open', () => {
  const model = modelOf(million(20_000))
  let open = withAllBelow(model, foldedAll(model), 0, true)
  for (let call = 0; call < model.tree.length; call += 97) open = revealing(model, open, call)
  const rows = buildRows(model, open, treeHeights(false))
  expect(rowOfCall(rows, 9_700)).toBeGreaterThan(0)
  expect(rows.top[rows.length]).toBe(rows.length * 23)
  expect(rowAt(rows, 23 * 100 + 3)).toBe(100)
  expect(rowAt(rows, 1e12)).toBe(rows.length - 1)
})

test('calls that are not held have a row in their place', () => {
  const model = modelOf(million(5_000, 1_000))
  const rows = buildRows(model, firstOpening(model), treeHeights(false))
  const absent = [...rows.extra].filter((_, row) => rows.kind[row] === ROW.absent)
  expect(absent.length).toBeGreaterThan(0)
})

test('a deep failure opens without a stack', () => {
  const model = modelOf(deep(200_000))
  const rows = buildRows(model, withAllBelow(model, foldedAll(model), 0, true), treeHeights(false))
  expect(rows.length).toBe(200_001)
})

test('nothing recorded has no rows', () => {
  const model = modelOf(empty())
  expect(rowsText(model, firstOpening(model))).toEqual([])
  expect(model.tree.parent.length).toBe(0)
  expect(NONE).toBe(0xffffffff)
})

test('bodies of modules and classes stay folded, many in a row are one, unless something in them fails', () => {
  const r = recorder()
  const at = {module: 'cart', participant: 'cart', file: 'cart.py'}
  const script = r.fn({name: '<module>', module: '__main__', participant: 'shop', file: 'shop.py', kind: 'module'})
  const body = r.fn({...at, name: '<module>', kind: 'module'})
  const classes = ['Status', 'Line', 'Cart'].map((name) => r.fn({...at, name, kind: 'class'}))
  const broken = r.fn({...at, name: 'Broken', kind: 'class'})
  const main = r.fn({name: 'main', module: '__main__', participant: 'shop', file: 'shop.py'})
  const run = (fails: boolean) => {
    r.call(script, {parent: null}, () => {
      r.call(body, {}, () => {
        for (const one of classes) r.call(one)
        if (fails) r.call(broken, {raises: 'NameError: nobody'})
      })
      r.call(main)
    })
  }
  run(false)
  run(true)
  const model = modelOf(r.finish({command: 'shop.py'}))
  expect(rowsText(model, firstOpening(model))).toEqual([
    '<module>', '  <module>', '  main', '<module>', '  <module>', '    stretch Status 3×', '    Broken', '  main',
  ])
})

test('the end of the program is no failure', () => {
  const r = recorder()
  const main = r.fn({name: 'main', module: '__main__', participant: 'shop', file: 'shop.py'})
  r.call(main, {raises: 'SystemExit: 0'})
  const model = modelOf(r.finish({command: 'shop.py', change: ({outcome}) => (outcome[0] = EXITED)}))
  expect(rowsText(model, firstOpening(model))).toEqual(['main'])
  expect([model.origins.length, exitText(model, 0)]).toEqual([0, 'SystemExit: 0 ends the program'])
})
