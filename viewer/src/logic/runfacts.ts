import {UNFINISHED} from '../data/table.ts'
import {count, counted, duration} from '../lib/format.ts'
import {localName, visible} from '../lib/text.ts'
import {failureText} from './label.ts'
import {functionOf, type Model} from './model.ts'

export interface RunLane {
  readonly name: string
  readonly calls: string
  /** First held call of the lane, or -1. */
  readonly first: number
}

export interface RunFailure {
  /** The first of them. */
  readonly call: number
  /** How many say the same. */
  readonly times: string
  readonly name: string
  readonly text: string
}

const LISTED = 10
const EXAMINED = 20_000

/** The lanes with most calls first come first; the rest is counted. */
export function runLanes(model: Model): {lanes: RunLane[], more: number} {
  const {threads, tasks} = model.page
  const total = threads.length + tasks.length
  const first = new Int32Array(total).fill(-1)
  for (let call = model.tree.length - 1; call >= 0; call--) first[model.tree.lane[call]!] = call
  const lanes = [...threads, ...tasks].map((row, lane) => ({
    name: visible(lane < threads.length ? row.name : `task “${row.name}”`), calls: counted(row.calls, 'call'), first: first[lane]!,
  }))
  return {lanes: lanes.slice(0, LISTED), more: Math.max(0, total - LISTED)}
}

/** Failures by what they say, in order of the first of each. */
export function runFailures(model: Model): {failures: RunFailure[], more: number} {
  const groups = new Map<string, {call: number, name: string, text: string, count: number}>()
  for (const call of model.origins.subarray(0, EXAMINED)) {
    const [name, text] = [localName(functionOf(model, call).name), failureText(model, call, 60)]
    const known = groups.get(`${name}\0${text}`)
    if (known === undefined) groups.set(`${name}\0${text}`, {call, name, text, count: 1})
    else known.count++
  }
  const listed = [...groups.values()].slice(0, LISTED)
  return {
    failures: listed.map(({call, name, text, count: times}) => ({call, name, text, times: times === 1 ? '' : `${count(times)}×`})),
    more: listed.reduce((left, group) => left - group.count, model.origins.length),
  }
}

/** Note of the map: how many rows stand for how many calls. */
export function mapNote(model: Model, messages: number): string {
  return `${counted(messages, 'row')} stand${messages === 1 ? 's' : ''} for ${model.page.run.calls === 1 ? 'the call' : `all ${counted(model.page.run.calls, 'call')}`}`
}

/** What a recovered or partial file says first, or ''. */
export function noticeText({page, calls}: Model, missing: number): {text: string, command: string, after: string} | null {
  const {run} = page
  if (missing >= 0) return {text: `Call c-${missing} is not in this file.`, command: `execmap view ${run.trace}`, after: 'shows it'}
  if (run.recovered) {
    const open = calls.outcome.reduce((sum, outcome) => sum + (outcome === UNFINISHED ? 1 : 0), 0)
    const left = open === 0 ? '' : ` ${counted(open, 'call')} had not returned.`
    return {text: `Recovered: the program was killed. Complete up to ${duration(run.duration_ns)}, ${counted(run.calls, 'call')}.${left}`, command: '', after: ''}
  }
  if (run.held_calls < run.calls) {
    return {text: `This file holds the map and the first ${count(run.held_calls)} of ${counted(run.calls, 'call')}. All of them:`, command: `execmap view ${run.trace}`, after: ''}
  }
  if (!run.complete) return {text: 'Recording stopped before the program ended.', command: '', after: ''}
  return null
}
