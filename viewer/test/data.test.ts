import {expect, test} from 'vitest'
import {recordingOf} from '../src/data/read.ts'
import {NONE, type CallTable} from '../src/data/table.ts'
import {denseLanes, folded, tellTimes, unfolded} from '../src/data/times.ts'
import {recorder} from './fixtures/recorder.ts'
import {lanes, million, shop} from './fixtures/runs.ts'

test('differences go both ways', () => {
  expect([0, -1, 1, -2, 2].map(folded)).toEqual([0, 1, 2, 3, 4])
  for (const value of [0, 7, -7, 2 ** 50, -(2 ** 50)]) expect(unfolded(folded(value))).toBe(value)
})

test('each time is told from the moment before it in its lane', () => {
  const told: string[] = []
  // main calls a, which calls b; a task of its own begins in between; then main calls c.
  const parent = Uint32Array.of(NONE, 0, 1, NONE, 0)
  const {lane, lanes: count} = denseLanes([0, 0, 0, 0, 0], [0, 0, 0, 1, 0])
  const starts = [10, 20, 30, 35, 60]
  const ends = [100, 50, 40, Number.NaN, 70]
  tellTimes(
    parent, lane, count,
    (call, clock) => {
      told.push(`${call} from ${clock}`)
      return starts[call]!
    },
    (call, clock) => {
      told.push(`end ${call} from ${clock}`)
      return ends[call]!
    },
  )
  expect(told).toEqual([
    '0 from 0', '1 from 10', '2 from 20', '3 from 30', 'end 2 from 30', 'end 1 from 40', '4 from 50',
    'end 4 from 60', 'end 3 from 35', 'end 0 from 10',
  ])
})

test('calls are read back as they were', () => {
  const r = recorder()
  const main = r.fn({name: 'main', module: 'm', participant: 'm', file: 'm.py'})
  const add = r.fn({name: 'add', module: 'm', participant: 'm', file: 'm.py', args: ['a', 'b']})
  r.call(main, {after: 3}, () => {
    r.call(add, {args: ['1', '2'], result: '3', suspended: 5, line: 7})
    r.call(add, {args: ['4'], raises: 'TypeError: b'})
    r.call(main, {outcome: 'unfinished'})
  })
  const {page, calls} = recordingOf(...parts(r.finish({command: 'm.py'})))
  expect(page.functions.map(({name}) => name)).toEqual(['main', 'add'])
  expect([...calls.parent]).toEqual([NONE, 0, 0, 0])
  expect([...calls.start]).toEqual([0, 1000, 7000, 8000])
  expect([...calls.end]).toEqual([12000, 7000, 8000, Number.NaN])
  expect([...calls.argsStart]).toEqual([0, 0, 2, 4])
  expect([...calls.argTexts].map((at) => page.texts[at])).toEqual(['1', '2', '4', ''])
  expect([calls.suspended[1], calls.callLine[1], calls.task[0], calls.thread[0]]).toEqual([5000, 7, NONE, 0])
  expect([...calls.subtree]).toEqual([3, 0, 0, 0])
})

test('calls that are not held are counted below those that are', () => {
  const {page, calls} = recordingOf(...parts(million(5_000, 1_000)))
  expect(calls.length).toBe(1_000)
  expect(calls.subtree[0]).toBe(page.run.calls - 1)
})

test('no call begins before its caller or the call before it', () => {
  for (const fixture of [shop(), lanes()]) {
    const {calls} = recordingOf(...parts(fixture))
    for (let call = 1; call < calls.length; call++) expect(calls.start[call]! >= earliest(calls, call)).toBe(true)
  }
})

function earliest(calls: CallTable, call: number): number {
  const above = calls.parent[call]!
  return Math.max(calls.start[call - 1]!, above === NONE ? 0 : calls.start[above]!)
}

function parts({head, bytes}: ReturnType<typeof shop>) {
  return [head, bytes] as const
}
