import { type Node, parse } from 'acorn';

/** From 1, as in stack traces. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

type Located = Node & { readonly id?: Located | null; readonly key?: Located; readonly left?: Located };

const FUNCTIONS = new Set(['FunctionDeclaration', 'FunctionExpression', 'ArrowFunctionExpression']);

/**
 * Returns a function that says where the name stands of the innermost function that has one and holds a place: its own name,
 * or that of the variable, property or method that it is the value of. Undefined at the top level. Throws a SyntaxError for
 * what is not a module.
 */
export function functionsOf(code: string): (place: Place) => Place | undefined {
  const program = parse(code, { ecmaVersion: 'latest', sourceType: 'module', locations: true });

  return ({ line, column }) => {
    const offset = code.split('\n', line - 1).reduce((sum, text) => sum + text.length + 1, 0) + column - 1;
    let name: Located | undefined;

    function visit(node: Located, candidate: Located | undefined): void {
      if (offset < node.start || offset >= node.end) return;
      if (FUNCTIONS.has(node.type)) name = node.id ?? candidate ?? name;
      for (const child of Object.values(node)) {
        for (const each of Array.isArray(child) ? child : [child]) {
          if (typeof each?.type === 'string') visit(each as Located, namedBy(node));
        }
      }
    }
    visit(program, undefined);
    const start = name?.loc?.start;
    return start && { line: start.line, column: start.column + 1 };
  };
}

/** The identifier that a function gets its name from when it is the value of this node. */
function namedBy({ type, id, key, left }: Located): Located | undefined {
  const from = type === 'AssignmentExpression' ? left : type === 'VariableDeclarator' ? id : key;
  return from?.type === 'Identifier' || from?.type === 'PrivateIdentifier' ? from : undefined;
}
