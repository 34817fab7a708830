import {count} from '../lib/format.ts'
import {localName} from '../lib/text.ts'
import type {MapLines} from './mapline.ts'
import type {Model} from './model.ts'
import {rowAt} from './rows.ts'

const SHOWN = 3

/** Calls that are open at the top of the window and whose own rows lie above it, outermost first. */
export function openFrames(model: Model, rows: MapLines, top: number): {calls: {call: number, name: string}[], more: string} {
  if (rows.length === 0 || top <= 0) return {calls: [], more: ''}
  const line = rows.lines[rowAt(rows, top)]!
  const found: {call: number, name: string}[] = []
  let frame = line.own !== null && line.fn >= 0 && line.key.endsWith('-e') ? line.own : line.frame
  while (frame !== null && found.length < SHOWN) {
    found.unshift({call: frame.call, name: localName(model.page.functions[frame.fn]?.name ?? '')})
    frame = frame.above
  }
  return {calls: found, more: frame === null ? '' : `${count(frame.depth + 1)} more`}
}
