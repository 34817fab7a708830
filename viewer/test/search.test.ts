import {expect, test} from 'vitest'
import {hitFrom, hitsIn, markParts, search} from '../src/logic/search.ts'
import {childRange} from '../src/logic/tree.ts'
import {shop} from './fixtures/runs.ts'
import {modelOf} from './model.ts'

const model = modelOf(shop())

test('finds names, values and exceptions in any case', () => {
  expect(search(model, 'BACKORDER').calls.length).toBe(100)
  expect(search(model, 'sprig10').calls.length).toBe(1)
  expect(search(model, 'carddeclined').calls.length).toBe(1)
  expect(search(model, 'shop.stock.reserve').calls.length).toBe(900)
  expect(search(model, 'no such thing').calls.length).toBe(0)
  expect(search(model, '  ').query).toBe('')
})

test('hits inside folded calls are counted', () => {
  const hits = search(model, 'backorder')
  expect(hits.below[0]).toBe(100)
  expect(hitsIn(model, hits, 0, 1)).toBe(hits.below[model.tree.children[0]!])
  const [from, to] = childRange(model.tree, 0)
  expect(hitsIn(model, hits, from, to)).toBe(100)
})

test('a query is text, not a pattern', () => {
  expect(search(model, "Decimal('48.20')").calls.length).toBe(1)
  expect(markParts('f(a) F(A)', 'f(a)')).toEqual([{text: 'f(a)', hit: true}, {text: ' ', hit: false}, {text: 'F(A)', hit: true}])
})

test('hits go on from the chosen call and round', () => {
  const hits = search(model, 'backorder')
  expect(hitFrom(hits, 0)).toBe(0)
  expect(hitFrom(hits, hits.calls[40]!)).toBe(40)
  expect(hitFrom(hits, model.tree.length)).toBe(0)
})
