import {readFileSync} from 'node:fs'
import {expect, test} from 'vitest'
import {contrast} from '../src/lib/contrast.ts'

const css = readFileSync(new URL('../src/style/tokens.css', import.meta.url), 'utf8')
const tokens = new Map([...css.matchAll(/--(\w+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)/g)].map(([, name, light, dark]) => [name!, [light!, dark!] as const]))

/** Text pairs on the page need 4.5; edges that carry meaning 3. */
const TEXT = [['ink', 'paper'], ['ink2', 'paper'], ['ink3', 'paper'], ['ink3', 'sunken'], ['ink3', 'acw'], ['ink2', 'acw'], ['accent', 'paper'], ['accent', 'acw'], ['fail', 'paper'], ['fail', 'raised'], ['ink2', 'sunken'], ['ink3', 'raised']] as const
const EDGES = [['barln', 'paper'], ['accent', 'paper'], ['fail', 'paper']] as const

test.each([...TEXT.map((pair) => [...pair, 4.5] as const), ...EDGES.map((pair) => [...pair, 3] as const)])('%s on %s has at least %d', (text, ground, least) => {
  for (const theme of [0, 1] as const) expect(contrast(tokens.get(text)![theme], tokens.get(ground)![theme])).toBeGreaterThanOrEqual(least)
})

test('light values stand in both places', () => {
  for (const [name, [light]] of tokens) expect(css).toContain(`--${name}: ${light};`)
})
