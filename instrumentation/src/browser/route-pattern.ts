/** Holds for the paths of a template. */
export const routePattern = (route: string): RegExp => RegExp(`^${route.replace(/:\w+/g, '[^/]+')}/?$`);
