import js from "@eslint/js";
import globals from "globals";

export default [
  { ignores: ["static/vendor/"] },
  js.configs.recommended,
  {
    rules: {
      "no-unused-vars": ["error", { ignoreRestSiblings: true }],
    },
  },
  { linterOptions: { reportUnusedDisableDirectives: "error" } },
  { files: ["static/js/**", "static/texts/**"], languageOptions: { globals: globals.browser } },
  { files: ["static/sw.js"], languageOptions: { globals: globals.serviceworker } },
  { files: ["tests/js/**"], languageOptions: { globals: { ...globals.browser, ...globals.node } } },
];
