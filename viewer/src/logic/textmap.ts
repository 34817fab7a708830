import type {MapLine} from '../gen/page.ts'
import {count, counted} from '../lib/format.ts'

/** A line of the map as text, for the time until the columns are read. */
export interface TextLine {
  readonly depth: number
  readonly name: string
  /** `(line=…)`, or ''. */
  readonly args: string
  readonly result: string
  readonly failure: string
  /** `1,002 calls` that are not shown below the line. */
  readonly folded: string
}

const WORDS: Record<Exclude<MapLine['kind'], 'call' | 'more'>, string> = {
  lane: 'on', loop: 'loop', alternatives: 'either', optional: 'sometimes', recursion: 'recursion', parallel: 'in parallel', section: 'or',
}

/** The first lines of the map, in order, at most `limit`. */
export function textMap(map: readonly MapLine[], limit: number): TextLine[] {
  const lines: TextLine[] = []
  const ends: number[] = []
  for (let at = 0; at < map.length && lines.length < limit;) {
    while (ends.length > 0 && ends[ends.length - 1]! <= at) ends.pop()
    const line = map[at]!
    const isSection = line.kind === 'section'
    lines.push({depth: Math.max(0, ends.length - (isSection ? 1 : 0)), ...words(line)})
    at++
    if (line.inside === undefined) continue
    if (line.open === true) ends.push(at + line.inside)
    else at += line.inside
  }
  return lines
}

function words({kind, text, times = 0, args = [], result = '', exception = '', outcome, calls_inside: inside = 0, open}: MapLine): Omit<TextLine, 'depth'> {
  if (kind === 'more') return {name: '', args: '', result: '', failure: '', folded: `${counted(times, 'more call')}${inside === 0 ? '' : `, ${count(inside)} inside`}`}
  if (kind !== 'call') return {name: WORDS[kind], args: ` ${text}`, result: '', failure: '', folded: ''}
  return {
    name: text, args: `(${args.map(([name, value]) => `${name}=${value}`).join(', ')})`, result, failure: outcome === 1 ? exception : '',
    folded: open === true || inside === 0 ? '' : counted(inside, 'call'),
  }
}
