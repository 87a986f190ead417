// Stands in for the package `react-style-singleton` (see build.mjs): a component that applies
// its `styles` while it is mounted, by a constructed style sheet, which a strict CSP allows.
import { useLayoutEffect } from 'react';

export function styleSingleton() {
  return function Style({ styles }) {
    useLayoutEffect(() => {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(styles);
      document.adoptedStyleSheets.push(sheet);
      return () => {
        document.adoptedStyleSheets = document.adoptedStyleSheets.filter((s) => s !== sheet);
      };
    }, [styles]);
    return null;
  };
}
