import {useMemo} from 'preact/hooks'
import {logPath} from '../draw/bars.ts'
import {duration, moment} from '../lib/format.ts'
import type {Model} from '../logic/model.ts'
import {callAt, runStrip} from '../logic/strip.ts'
import {elapsed} from '../logic/times.ts'

const COLUMNS = 400
const STEP = 0.01

/** The whole run under every view: when calls began, the other lanes, failures, and the chosen call. */
export function RunStrip({model, chosen, onMoment}: {model: Model, chosen: number, onMoment: (call: number) => void}) {
  const run = model.page.run.duration_ns
  const data = useMemo(() => runStrip(model, COLUMNS), [model])
  const path = useMemo(() => logPath(data.begun, Math.max(1, data.most), 21, 15), [data])
  const part = chosen < 0 || run === 0 ? -1 : model.calls.start[chosen]! / run
  const extent = chosen < 0 || run === 0 ? 0 : elapsed(model.calls, chosen, run) / run
  const go = (at: number) => {
    const call = callAt(model, Math.min(1, Math.max(0, at)) * run)
    if (call >= 0 && call !== chosen) onMoment(call)
  }
  const fromPointer = (event: PointerEvent & {currentTarget: HTMLElement}) => {
    const box = event.currentTarget.getBoundingClientRect()
    go((event.clientX - box.left) / box.width)
  }
  return (
    <div class="runrow">
      <span style={{left: '14px'}}>0</span>
      <span style={{right: '14px'}}>{duration(run)}</span>
      <div
        class="run" role="slider" tabIndex={0} aria-label="Moment of the run" aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(Math.max(0, part) * 100)}
        aria-valuetext={part < 0 ? `no moment chosen, ${duration(run)} in all` : `${moment(model.calls.start[chosen]!, model.unit, 3)} ${model.unit} of ${duration(run)}`}
        onPointerDown={(event) => {
          event.currentTarget.setPointerCapture(event.pointerId)
          fromPointer(event)
        }}
        onPointerMove={(event) => event.buttons === 1 && fromPointer(event)}
        onKeyDown={(event) => {
          const by = {ArrowRight: STEP / 10, ArrowLeft: -STEP / 10, PageUp: STEP, PageDown: -STEP}[event.key]
          if (by === undefined && event.key !== 'Home' && event.key !== 'End') return
          event.preventDefault()
          event.stopPropagation()
          go(event.key === 'Home' ? 0 : event.key === 'End' ? 1 : Math.max(0, part) + by!)
        }}
      >
        <svg viewBox={`0 0 ${COLUMNS} 30`} preserveAspectRatio="none" aria-hidden="true">
          <rect class="base" x="0" y="17" width={COLUMNS} height="4" />
          <path class="begun" d={path} />
          {data.lanes.map((lane, at) => <rect key={at} class="lane" x={lane.from * COLUMNS} y={3 + lane.row * 2} width={Math.max(0.5, (lane.to - lane.from) * COLUMNS)} height="1.2" />)}
          {extent > 0 && <rect class="extent" x={part * COLUMNS} y="0" width={extent * COLUMNS} height="30" />}
        </svg>
        {data.failed.map((column) => <i key={column} class="x" style={{left: `${((column + 0.5) / COLUMNS) * 100}%`}}><svg viewBox="0 0 10 10" aria-hidden="true"><path d="M1 1l8 8M9 1L1 9" /></svg></i>)}
        {part >= 0 && <i class="playhead" style={{left: `${part * 100}%`}} />}
      </div>
    </div>
  )
}
