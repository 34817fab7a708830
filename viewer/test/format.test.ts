import {expect, test} from 'vitest'
import {bytes, count, counted, duration, moment, unitFor} from '../src/lib/format.ts'
import {clip, exceptionType, visible, visibleLines} from '../src/lib/text.ts'

test.each([
  [0, '0 ns'], [840, '840 ns'], [999.4, '999 ns'], [999.6, '1.0 µs'], [2_340, '2.3 µs'], [21_400, '21 µs'], [931_000, '931 µs'], [999_499, '999 µs'], [999_600, '1.0 ms'],
  [6_100_000, '6.1 ms'], [240_400_000, '240.4 ms'], [999_960_000, '1.00 s'], [1_240_000_000, '1.24 s'], [59_996_000_000, '1 min 00 s'], [125_000_000_000, '2 min 05 s'], [3_725_000_000_000, '1 h 02 min'],
])('%d ns is %s', (ns, text) => expect(duration(ns)).toBe(text))

test('counts have separators', () => {
  expect([0, 999, 1000, 1_204_331, -1500].map(count)).toEqual(['0', '999', '1,000', '1,204,331', '−1,500'])
  expect(counted(1, 'call')).toBe('1 call')
  expect(counted(1002, 'call')).toBe('1,002 calls')
})

test('moments keep the unit of their run', () => {
  expect(unitFor(9_000_000)).toBe('µs')
  expect(unitFor(240e6)).toBe('ms')
  expect(unitFor(90e9)).toBe('s')
  expect(moment(1_234_567_800, 'ms')).toBe('1,234.6')
  expect(moment(77_992_000, 'ms', 3)).toBe('77.992')
})

test('sizes', () => expect([640, 12_000, 600_000, 63_000_000].map(bytes)).toEqual(['640 bytes', '12 KB', '0.6 MB', '63.0 MB']))

test('control characters are shown', () => {
  expect(visible('a\0b\u202ec\n\x1b[0m')).toBe('a\\0b\\u202ec\\n\\x1b[0m')
  expect(visible('\ud800x')).toBe('\\ud800x')
  expect(visible('naïve 🙂')).toBe('naïve 🙂')
  expect(visibleLines('a\nb\0')).toBe('a\nb\\0')
})

test('clipping marks the cut', () => {
  expect(clip('abcdef', 6)).toBe('abcdef')
  expect(clip('abcdefg', 6)).toBe('abcde…')
  expect(exceptionType("KeyError: 'a: b'")).toBe('KeyError')
})
