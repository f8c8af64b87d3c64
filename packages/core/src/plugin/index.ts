export { Plugin, type ExtendedPlugin, type PluginClass, type PluginContext, type PortPlugin, type ResourceHandlerPlugin, type ServicePlugin } from './plugin.js';
