import type {RunFacts} from '../gen/page.ts'
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

/** What a file that is not the whole run says first. */
export function noticeText({page: {run}}: Model, missing: number): {text: string, command: string, after: string} | null {
  if (missing >= 0) return {text: `Call c-${missing} is not in this file.`, command: `execmap view ${run.trace}`, after: 'shows it'}
  const ended = endingText(run)
  if (run.held_calls < run.calls) {
    const held = `This file holds the map and the first ${count(run.held_calls)} of ${counted(run.calls, 'call')}. All of them:`
    return {text: ended === '' ? held : `${ended} ${held}`, command: `execmap view ${run.trace}`, after: ''}
  }
  return ended === '' ? null : {text: ended, command: '', after: ''}
}

const EARLY_STOP = 'early stop: '

/** How a recording ended that did not end with its program, or ''. */
function endingText(run: RunFacts): string {
  const left = run.unfinished === 0 ? '' : ` ${counted(run.unfinished, 'call')} had not returned.`
  if (run.state === 'recovered') return `Recovered: the program was killed, or runs still. Complete up to ${duration(run.duration_ns)}, ${counted(run.calls, 'call')}.${left}`
  if (run.state === 'whole') return ''
  const stop = run.left_out.find(({reason}) => reason.startsWith(EARLY_STOP))
  return `${sentence(run.state === 'stopped' && stop !== undefined ? visible(stop.line.slice(EARLY_STOP.length)) : run.verdict)}${left}`
}

/** A remark as a sentence. */
export function sentence(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}.`
}
