/* YAML text to a tree with positions. The only place that knows libfyaml. */
#ifndef APP_CONFIG_YAML_H
#define APP_CONFIG_YAML_H

#include "config_tree.h"

/* The tree of source->text, or NULL when it is empty or not YAML that we take (problems say why:
 * syntax, duplicate keys, anchors, aliases, tags, merge keys, more than one document, too deep). */
struct config_node *config_yaml_parse(struct config_source *source);

#endif
