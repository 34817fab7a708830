import type {ComponentChildren} from 'preact'

/** The side panel; on a phone a sheet of two lines that can be drawn up. */
export function Panel({up, label, onSheet, children}: {up: boolean, label: string, onSheet: () => void, children: ComponentChildren}) {
  return (
    <aside class={up ? 'panel up' : 'panel'} aria-label={label} tabIndex={-1}>
      <button class="peek" aria-expanded={up} onClick={onSheet}>{up ? 'Close ▾' : 'Open ▴'}</button>
      {children}
    </aside>
  )
}
