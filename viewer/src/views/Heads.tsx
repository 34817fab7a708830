import {counted} from '../lib/format.ts'
import {columnX, type Geometry} from '../logic/geometry.ts'
import type {Lanes} from '../logic/lanes.ts'
import type {Participant} from '../logic/participants.ts'

/** Names of the participants, above their lifelines. */
export function Heads({columns, geometry, lanes, chosen}: {columns: readonly Participant[], geometry: Geometry, lanes: Lanes, chosen: number}) {
  return (
    <div class="heads" aria-hidden="true">
      <span class="lh fix">time</span>
      <span class="lh" style={{left: '66px'}}>{lanes.rails < lanes.count && lanes.rails === 2 ? counted(lanes.count, 'lane') : 'lane'}</span>
      <span class="lh" style={{right: '12px'}}>took</span>
      {columns.map((column, at) => (
        <div
          key={`${column.above}.${column.name}`} class={at === chosen ? 'hd on' : 'hd'} title={`${column.members.join(', ')}: ${counted(column.calls, 'call')}`}
          style={{left: `${columnX(geometry, at)}px`, maxWidth: `${geometry.narrow ? geometry.gap : geometry.gap - 6}px`}}
        >
          <small>{column.above}</small>
          <b>{geometry.narrow ? column.short : column.name}</b>
        </div>
      ))}
    </div>
  )
}
