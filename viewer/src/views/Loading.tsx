import type {TextLine} from '../logic/textmap.ts'

/** Shown after 300 ms: what is read, how far, and the folded map as text. */
export function Loading({command, calls, part, lines}: {command: string, calls: string, part: number, lines: readonly TextLine[]}) {
  const percent = Math.min(99, Math.floor(part * 100))
  return (
    <div class="loading">
      <header class="top"><span class="cmd">{command}</span><span role="status">Reading {calls}… {percent} %</span></header>
      <i class="grow" style={{width: `${percent}%`}} />
      <ol>
        {lines.map((line, at) => (
          <li key={at} class="tn" style={{paddingLeft: `${14 + line.depth * 17}px`}}>
            <b><bdi>{line.name}</bdi></b>
            {line.args !== '' && <span class="ar"><bdi>{line.args}</bdi></span>}
            {line.result !== '' && <span class="rs"><bdi>{line.result}</bdi></span>}
            {line.failure !== '' && <span class="er"> × <bdi>{line.failure}</bdi></span>}
            {line.folded !== '' && <span class="tx">{line.folded}</span>}
          </li>
        ))}
      </ol>
    </div>
  )
}
