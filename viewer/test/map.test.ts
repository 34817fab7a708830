import {expect, test} from 'vitest'
import {columnsFitting, geometry} from '../src/logic/geometry.ts'
import {lanesOf} from '../src/logic/lanes.ts'
import {describeMapRows, mapHeights, type MapContext} from '../src/logic/maprow.ts'
import type {Model} from '../src/logic/model.ts'
import {firstOpening} from '../src/logic/open.ts'
import {participants} from '../src/logic/participants.ts'
import {buildRows} from '../src/logic/rows.ts'
import {NO_HITS} from '../src/logic/search.ts'
import {lanes, shop} from './fixtures/runs.ts'
import {modelOf} from './model.ts'

function contextOf(model: Model, width = 1054, narrow = false): MapContext {
  const rails = lanesOf(model)
  const {columns, columnOf} = participants(model.page.functions, columnsFitting(width, rails.rails, narrow))
  const open = firstOpening(model)
  return {
    model, open, columnOf, columns: columns.length, lanes: rails, chosen: -1, cursor: '', hits: NO_HITS,
    rows: buildRows(model, open, 'map', mapHeights(narrow)), geometry: geometry(width, columns.length, rails.rails, narrow),
  }
}

test('rows are the same wherever the window on them begins', () => {
  for (const fixture of [shop(), lanes()]) {
    const context = contextOf(modelOf(fixture))
    const all = describeMapRows(context, 0, context.rows.length)
    for (let from = 0; from < all.length; from += 7) {
      expect(describeMapRows(context, from, Math.min(all.length, from + 5))).toEqual(all.slice(from, from + 5))
    }
  }
})

test('nothing is drawn outside the map or with a negative width', () => {
  for (const narrow of [false, true]) {
    const context = contextOf(modelOf(shop()), narrow ? 390 : 1054, narrow)
    for (const row of describeMapRows(context, 0, context.rows.length)) {
      expect(row.arrow?.width ?? 1).toBeGreaterThan(0)
      expect(row.label.width).toBeGreaterThan(120)
      expect(row.label.x + row.label.width).toBeLessThanOrEqual(context.geometry.width)
      for (const bar of row.bars) expect(bar.x).toBeGreaterThan(0)
    }
  }
})

test('a failure says where it goes', () => {
  const context = contextOf(modelOf(shop()))
  const failures = describeMapRows(context, 0, context.rows.length).filter(({label}) => label.failure !== '').map(({label}) => `${label.failure} | ${label.note}`)
  expect(failures).toEqual([
    "KeyError: 'SPRIG10' | handled here, in Cart.checkout",
    'CardDeclined: insufficient funds | ends task “charge”',
    'PaymentFailed: 1042 | passes through Cart.checkout, handled here, in main',
  ])
})

test('a row can be spoken', () => {
  const context = contextOf(modelOf(shop()))
  const coupon = describeMapRows(context, 0, context.rows.length).find(({label}) => label.name === 'coupon')
  expect(coupon?.spoken).toBe("coupon, called by Cart.checkout, code 'SPRIG10', failed with KeyError: 'SPRIG10', 20 µs")
})

test('participants merge into their package, fewest calls first, until they fit', () => {
  const {page} = modelOf(shop())
  expect(participants(page.functions, 9).columns.map(({name}) => name)).toEqual(['shop', 'Cart', 'Line', 'pricing', 'stock', 'payments'])
  const merged = participants(page.functions, 4)
  expect(merged.columns.map(({above, name}) => `${above}: ${name}`)).toEqual(['script: shop', '3 merged: shop', 'shop: pricing', 'shop: stock'])
  expect(merged.columns[1]?.members.toSorted()).toEqual(['Cart', 'Line', 'shop.payments'])
})
