import { pointer } from '../addons/pointer';

window.footfall!.use(pointer);
