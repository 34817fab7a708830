import {useMemo, useState} from 'preact/hooks'
import {stripPaths} from '../draw/bars.ts'
import {count} from '../lib/format.ts'
import {iterationStrip} from '../logic/iterations.ts'
import type {Picking} from '../logic/mapline.ts'
import type {Controls} from '../logic/maprow.ts'
import type {Model} from '../logic/model.ts'

export interface LoopControlsProps {
  model: Model
  controls: Controls
  /** Key of the block they stand in. */
  row: string
  onPick: (picking: Picking, at: number) => void
}

/** At the head of a block: which of its iterations is shown. */
export function LoopControls({model, controls, row, onPick}: LoopControlsProps) {
  const {picking, isLoop, right, strip} = controls
  const {at, total, hasAll} = picking
  const pick = (next: number) => onPick(picking, next)
  const [typed, setTyped] = useState<string | null>(null)
  const enter = () => {
    const number = Number.parseInt((typed ?? '').replace(/\D/g, ''), 10)
    setTyped(null)
    if (number > 0 && number !== at) pick(number)
  }
  const stop = (event: Event) => event.stopPropagation()
  const isHere = picking.key === row
  const place = {right: `${right}px`}
  if (!isLoop) return <span class="pick" style={place} onClick={stop} onDblClick={stop}><button class="all" aria-pressed={at > 0} onClick={() => pick(at > 0 ? 0 : 1)}>call by call</button></span>
  if (!isHere) return <span class="pick" style={place} onClick={stop} onDblClick={stop}><button class="all" title="Show the first iteration around it" onClick={() => pick(picking.first)}>step through</button></span>
  return (
    <span class="pick" style={place} onClick={stop} onDblClick={stop}>
      {strip > 0 && <Strip model={model} picking={picking} width={strip} onPick={pick} />}
      {hasAll && <button class="all" aria-pressed={at === 0} title="All iterations as one" onClick={() => pick(0)}>all</button>}
      <button class="end" disabled={at === 1} aria-label="First iteration" title="First" onClick={() => pick(1)}>«</button>
      <button disabled={at <= 1} aria-label="Iteration before" title="Before ([)" onClick={() => pick(at - 1)}>‹</button>
      <input
        class="nth" inputMode="numeric" aria-label={`Iteration, 1 to ${count(total)}`} title={`1 to ${count(total)}`} value={typed ?? (at === 0 ? '' : String(at))} placeholder={hasAll ? '–' : ''}
        style={{width: `${Math.max(3, String(total).length + 1)}ch`}}
        onKeyDown={(event) => {
          event.stopPropagation()
          if (event.key === 'Escape') setTyped(null)
          if (event.key === 'Enter') enter()
        }}
        onInput={(event) => setTyped(event.currentTarget.value)} onBlur={enter}
      />
      <button disabled={at === total} aria-label="Iteration after" title="After (])" onClick={() => pick(at + 1)}>›</button>
      <button class="end" disabled={at === total} aria-label="Last iteration" title="Last" onClick={() => pick(total)}>»</button>
    </span>
  )
}

const STEP = 0.01
const NO_COLUMNS = {length: 0, other: new Float32Array(0), failed: new Float32Array(0)}

function Strip({model, picking, width, onPick}: {model: Model, picking: Picking, width: number, onPick: (at: number) => void}) {
  const {repeat, at, total} = picking
  const columns = useMemo(() => (model.folded === null ? NO_COLUMNS : iterationStrip(model.folded, repeat, width)), [model, repeat, width])
  const paths = useMemo(() => stripPaths(columns), [columns])
  const fromPointer = (event: PointerEvent & {currentTarget: HTMLElement}) => {
    const box = event.currentTarget.getBoundingClientRect()
    const next = Math.min(total, Math.max(1, Math.floor(((event.clientX - box.left) / box.width) * total) + 1))
    if (next !== at) onPick(next)
  }
  return (
    <div
      class="strip" style={{width: `${width}px`}} role="slider" tabIndex={0} aria-label="Iteration" aria-valuemin={1} aria-valuemax={total} aria-valuenow={at} aria-valuetext={at === 0 ? 'all as one' : `${count(at)} of ${count(total)}`}
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        fromPointer(event)
      }}
      onPointerMove={(event) => event.buttons === 1 && fromPointer(event)}
      onKeyDown={(event) => {
        const page = Math.max(1, Math.round(total * STEP))
        const next = {ArrowRight: at + 1, ArrowLeft: at - 1, PageUp: at + page, PageDown: at - page, Home: 1, End: total}[event.key]
        if (next === undefined) return
        event.preventDefault()
        event.stopPropagation()
        onPick(Math.min(total, Math.max(1, next)))
      }}
    >
      <svg viewBox={`0 0 ${Math.max(1, columns.length)} 18`} preserveAspectRatio="none" aria-hidden="true">
        <path class="usual" d={paths.usual} /><path class="other" d={paths.other} /><path class="failed" d={paths.failed} />
      </svg>
      {at > 0 && <i style={{left: `${((at - 0.5) / total) * 100}%`}} />}
    </div>
  )
}
