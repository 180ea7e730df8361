#pragma once

#include "common/tixml/node.h"

namespace fieldgate::config_store {

// Makes in `target` what was changed from `before` to `after`, and nothing
// else: what differs between `target` and `before` stays. Same-named siblings
// are one thing: they are taken from `after` all together, unless each tree has
// exactly one, whose inside then is compared.
void ApplyChange(const tixml::Node& before, const tixml::Node& after, tixml::Node& target);

}  // namespace fieldgate::config_store
