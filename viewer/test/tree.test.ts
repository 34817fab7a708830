import {expect, test} from 'vitest'
import {NONE} from '../src/data/table.ts'
import {firstFailure} from '../src/logic/model.ts'
import {childRange} from '../src/logic/tree.ts'
import {deep, lanes, million, shop} from './fixtures/runs.ts'
import {drawn, modelOf} from './model.ts'

const names = (model: ReturnType<typeof drawn>, calls: Iterable<number>) => Array.from(calls, (call) => model.page.functions[model.calls.function[call]!]!.name)

test('children stand in order below their callers', () => {
  const model = drawn(`
    main
      load
        row
        row
      save
    again
  `)
  const [from, to] = childRange(model.tree, 0)
  expect(names(model, model.tree.children.subarray(from, to))).toEqual(['load', 'save'])
  const [root, end] = childRange(model.tree, NONE)
  expect(names(model, model.tree.children.subarray(root, end))).toEqual(['main', 'again'])
  expect([...model.tree.depth]).toEqual([0, 1, 2, 2, 1, 0])
  expect([...model.tree.below]).toEqual([4, 2, 0, 0, 0, 0])
})

test('self time is what callees on the lane leave', () => {
  const model = drawn(`
    main
      load
        row
      save
  `)
  expect([...model.self].map((ns) => ns / 1000)).toEqual([2, 2, 2, 2])
})

test('calls of a pool hang below the call that started it, lane after lane', () => {
  const model = modelOf(shop())
  const recount = model.page.functions.findIndex(({name}) => name === 'recount')
  const call = model.calls.function.indexOf(recount)
  const [from, to] = childRange(model.tree, call)
  expect(to - from).toBe(12)
  const own = Array.from(model.tree.children.subarray(from, to), (child) => model.tree.lane[child]!)
  expect(own).toEqual([...own].sort((a, b) => a - b))
  expect(model.tree.below[call]).toBe(12)
  expect(model.calls.subtree[call]).toBe(0)
})

test('counts below are those of the whole run', () => {
  const model = modelOf(shop())
  expect(model.tree.below[0]).toBe(model.page.run.calls - 1)
  expect(model.tree.absentRoots).toBe(0)
})

test('calls a file does not hold are counted where they are missing', () => {
  const model = modelOf(million(5_000, 1_000))
  const missing = model.tree.absent.reduce((sum, n) => sum + n, model.tree.absentRoots)
  expect(missing).toBe(model.page.run.calls - 1_000)
})

test('failures begin where they were raised', () => {
  const model = drawn(`
    main
      a!
        b!
          c!
      d!
  `)
  expect(names(model, model.origins)).toEqual(['c', 'd'])
  expect(names(model, [firstFailure(model)!])).toEqual(['c'])
  expect(model.tree.failedBelow[0]).toBe(4)
})

test('recursion is measured at its outermost call', () => {
  const model = modelOf(shop())
  const outermost = model.recursion.deepest.findIndex((deepest) => deepest > 1)
  expect(model.recursion.deepest[outermost]).toBe(6)
  expect(model.recursion.calls[outermost]).toBe(63)
})

test('tasks are lanes of their own after the threads', () => {
  const model = modelOf(lanes())
  expect(new Set(model.tree.lane).size).toBe(12)
})

test('a chain a million deep is walked without recursion', () => {
  const model = modelOf(deep(300_000))
  expect(model.tree.depth[300_000]).toBe(300_000)
  expect(model.recursion.level[300_000]).toBe(149_999)
})
