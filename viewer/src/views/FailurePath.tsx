import type {FailureStep} from '../logic/panel.ts'
import {Marked} from './Marked.tsx'

/** An exception and where it went, from the call that raised it outwards. */
export function FailurePath({exception, steps, query, onGo}: {exception: string, steps: readonly FailureStep[], query: string, onGo: (call: number) => void}) {
  return (
    <>
      <h3>Exception and its path</h3>
      <div class="exc" style={{padding: 0}}><div class="what"><Marked text={exception} query={query} /></div></div>
      <ol class="exc">
        {steps.map((step, at) => <li key={at} class={step.kind}><button onClick={() => onGo(step.call)}>{step.text}</button><small>{step.where}</small></li>)}
      </ol>
    </>
  )
}
