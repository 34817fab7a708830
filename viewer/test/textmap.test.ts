import {expect, test} from 'vitest'
import {textMap} from '../src/logic/textmap.ts'
import {shop} from './fixtures/runs.ts'

test('the folded map reads as text', () => {
  const lines = textMap(shop().head.map, 4)
  expect(lines.map(({depth, name, args}) => `${'  '.repeat(depth)}${name}${args}`)).toEqual([
    '<module>()', "  main(argv=['1042'])", "    Cart.load(cls=<class 'shop.cart.Cart'>, path='orders/1042.csv')", "      Line.from_row(cls=<class 'shop.cart.Line'>, row=('A-118', '1'))",
  ])
})
