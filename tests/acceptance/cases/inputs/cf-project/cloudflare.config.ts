import { bindings, defineConfig } from "cf/config";
import * as entrypoint from "./src/index.ts" with { type: "cf-worker" };

export default defineConfig({
  worker: {
    name: "orders",
    compatibilityDate: "2026-09-18",
    entrypoint,
    env: { DB: bindings.d1({ name: "orders-db" }) },
  },
});
