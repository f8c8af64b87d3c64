/** What a thread or process is started with that is to run replicas. In a bundle, which has no such file, it is the bundle itself. */
import './hosted.js';
