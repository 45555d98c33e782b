#include "frontend/compile/strict.h"

#include <fmt/format.h>

#include "ir/error.h"
#include "passes/explain/fallbacks.h"

namespace sinter {

void require_strict(const graph::Module& module, std::string_view function, const backends::Device& device,
                    const passes::Options& options) {
  std::vector<std::string> found;
  if (device.executes_loops()) {
    found = passes::fallbacks(module, function, device.target(), options);
  } else {
    for (const auto& op : module.find_function(function)->ops()) {
      if (op->kind() == graph::OpKind::source) continue;
      found.push_back(fmt::format("{}{}: the device executes each op on the host", graph::name(op->code),
                                  graph::at(op->location)));
      break;
    }
  }
  if (found.empty()) return;
  std::string text =
      fmt::format("strict: of '{}' {} fall{} back:", function, found.size(), found.size() == 1 ? "s" : "");
  for (const std::string& each : found) text += "\n  " + each;
  throw GraphError(text);
}

}  // namespace sinter
