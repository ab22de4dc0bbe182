/** Page by page: each address is a document of its own. */
import { frame, show } from './frame.js';
import { viewOf } from './views.js';

const draw = () => show(viewOf('', location.pathname, new URLSearchParams(location.search)));

frame('', (path) => location.assign(path), draw);
draw();
