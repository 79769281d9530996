/** Stands where Grafana's components import their code editor, which nothing here shows. */
const nothing = () => null;
export default nothing;
export const Editor = nothing;
export const DiffEditor = nothing;
export const useMonaco = nothing;
export const loader = { config: nothing };
