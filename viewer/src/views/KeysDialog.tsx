import {Dialog} from './Dialog.tsx'

const KEYS: readonly (readonly [title: string, keys: readonly (readonly [what: string, ...keys: string[]])[]])[] = [
  ['Views', [['Map, Tree, Functions', '1', '2', '3'], ['Find', '/'], ['Back, forward', 'Alt ←', 'Alt →'], ['Side panel', 'p'], ['Light or dark', 't'], ['Copy link to this', 'y'], ['Close, choose nothing', 'Esc']]],
  ['Move', [['Next, previous row', 'j', 'k'], ['First, last row', 'Home', 'End'], ['Caller', 'c']]],
  ['Open and fold', [['Open, or go inside', '→', 'Enter'], ['Fold, or go to the caller', '←'], ['Everything below', 'Shift →', 'Shift ←'], ['Iteration before, after', '[', ']']]],
  ['Find', [['Next, previous hit', 'n', 'N'], ['Next, previous failure', 'e', 'E']]],
]

export function KeysDialog({onClose}: {onClose: () => void}) {
  return (
    <Dialog title="Keys" wide onClose={onClose}>
      <div class="cols">
        {KEYS.map(([title, keys]) => (
          <section key={title}>
            <h3>{title}</h3>
            {keys.map(([what, ...names]) => <div key={what}><span>{what}</span><span>{names.map((name) => <kbd key={name}>{name}</kbd>)}</span></div>)}
          </section>
        ))}
      </div>
    </Dialog>
  )
}
