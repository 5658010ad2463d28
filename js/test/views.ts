// Every module of a view, by the view's name.

import badge from "../src/views/badge";
import diagnostics from "../src/views/diagnostics";
import explorer from "../src/views/explorer";
import inspector from "../src/views/inspector";
import panel from "../src/views/panel";
import plot from "../src/views/plot";
import transport from "../src/views/transport";
import workbench from "../src/views/workbench";

export const VIEWS = { badge, diagnostics, explorer, inspector, panel, plot, transport, workbench };

export type View = keyof typeof VIEWS;
