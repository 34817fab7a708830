import {expect, test} from 'vitest'
import {boxFor, scrolled, TALLEST} from '../src/logic/virtual.ts'
import {choose, find, goTo, moveRow, openHere, foldHere, stepFailure, stepHit, toggleStretch} from '../src/state/actions.ts'
import {firstState} from '../src/state/app.ts'
import {fromFragment, toFragment} from '../src/state/fragment.ts'
import {afterKey} from '../src/state/keys.ts'
import {buildRows} from '../src/logic/rows.ts'
import {treeHeights} from '../src/logic/treerow.ts'
import {shop} from './fixtures/runs.ts'
import {modelOf} from './model.ts'

const model = modelOf(shop())
const first = firstState(model)
const rowsOf = (state: typeof first) => buildRows(model, state.open, treeHeights(false))

test('a link brings the same state back', () => {
  let state = goTo(model, {...first, view: 'tree', theme: 'dark'}, 3000)
  state = find(model, {...state, order: {column: 'calls', down: false}}, 'B-204 & more')
  const link = toFragment(state, first.open)
  expect(link).toMatch(/^tree&sel=c-3000&part=.*&q=B-204%20%26%20more&sort=calls-up&theme=dark$/)
  const again = fromFragment(model, first, `#${link}`)
  expect({...again, reveal: null}).toEqual({...state, reveal: null})
})

test('a broken link leaves the first state', () => {
  expect(fromFragment(model, first, '#nowhere&sel=c-99999999&open=x.-4&q=%E0%A4&sort=&part=7').view).toBe('map')
  expect(fromFragment(model, first, '').open).toBe(first.open)
})

test('keys move over calls and stretches, open and fold', () => {
  let state = moveRow(model, first, rowsOf(first), 1)
  expect(state.chosen).toBe(0)
  state = foldHere(model, state, false)
  expect(rowsOf(state).length).toBe(1)
  state = openHere(model, state, rowsOf(state), false)
  expect(rowsOf(state).length).toBe(rowsOf(first).length)
  state = openHere(model, state, rowsOf(state), false)
  expect(state.chosen).toBe(1)
  for (let step = 0; step < 3; step++) state = moveRow(model, state, rowsOf(state), 1)
  expect(state.cursor).not.toBe('')
  expect(rowsOf(toggleStretch(state, state.cursor)).length).toBeGreaterThan(rowsOf(state).length)
  expect(afterKey(state, {key: 'q', shift: false}, {model, rows: rowsOf(state), map: null, functions: []})).toBeNull()
})

test('failures and hits are stepped through and round', () => {
  const chosen = [1, 1, 1, 1, -1].map(() => 0)
  let state = first
  for (let at = 0; at < 4; at++) chosen[at] = (state = stepFailure(model, state, 1)).chosen
  expect(chosen.slice(0, 3)).toEqual([...model.origins])
  expect(chosen[3]).toBe(model.origins[0])
  expect(stepFailure(model, state, -1).chosen).toBe(model.origins[2])
  const found = stepHit(model, choose(find(model, first, 'backorder'), 0), -1)
  expect(found.hit).toBe(99)
  expect(stepHit(model, found, 1).hit).toBe(0)
})

test('a list taller than any box scrolls finely and jumps in proportion', () => {
  const [height, view] = [44_000_000, 800]
  const start = {box: 0, rows: 0}
  expect(scrolled(start, 100, height, view)).toEqual({box: 100, rows: 100})
  const half = scrolled(start, (TALLEST - view) / 2, height, view)
  expect(half.rows).toBeCloseTo((height - view) / 2)
  expect(scrolled(half, TALLEST - view, height, view).rows).toBe(height - view)
  expect(scrolled(half, 0, height, view)).toEqual(start)
  expect(boxFor(height - view, height, view)).toBe(TALLEST - view)
  expect(boxFor(500, 4_000, view)).toBe(500)
})
