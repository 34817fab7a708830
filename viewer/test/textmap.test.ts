import {expect, test} from 'vitest'
import type {MapLine} from '../src/gen/page.ts'
import {textMap} from '../src/logic/textmap.ts'
import {shop} from './fixtures/runs.ts'

test('blocks read as text, each section with its own', () => {
  const call = (text: string, more: Partial<MapLine> = {}): MapLine => ({kind: 'call', text, times: 1, ...more})
  const lines = textMap([
    call('main', {open: true, inside: 7}), {kind: 'loop', text: '3×, line 4', times: 3, open: true, inside: 4}, call('step', {times: 3, args: [['at', '0..2']], result: 'None', calls_inside: 6, inside: 1}), call('hidden'),
    {kind: 'section', text: '2 of 3'}, call('rare', {outcome: 1, exception: 'ValueError: no'}), {kind: 'more', text: '', times: 2, inside: 1}, call('hidden'),
  ], 20)
  expect(lines.map(({depth, name, args, result, failure, folded}) => '  '.repeat(depth) + [name, args, result, failure, folded].join('|'))).toEqual([
    'main|()|||', '  loop| 3×, line 4|||', '    step|(at=0..2)|None||6 calls', '  or| 2 of 3|||', '    rare|()||ValueError: no|', '  ||||2 more calls',
  ])
})

test('the folded map reads as text', () => {
  const lines = textMap(shop().head.map, 4)
  expect(lines.map(({depth, name, args}) => `${'  '.repeat(depth)}${name}${args}`)).toEqual([
    '<module>()', "  main(argv=['1042'])", "    Cart.load(cls=<class 'shop.cart.Cart'>, path='orders/1042.csv')", "    Cart.checkout(self=<Cart number=1042 …>, customer=<Customer name='ada'>)",
  ])
})
