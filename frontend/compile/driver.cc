#include "frontend/compile/driver.h"

#include <fmt/format.h>

#include "ir/error.h"
#include "passes/fuse/check_numerics.h"
#include "passes/pipeline.h"
#include "passes/raise/raise.h"

namespace sinter {

graph::Module as_written(const graph::Module& module, passes::OpSet* of_gradients) {
  graph::Module expanded = graph::clone(module);
  passes::raise(expanded, {"losses"});
  passes::OpSet made = passes::expand_grads(expanded);
  if (of_gradients != nullptr) *of_gradients = std::move(made);
  return expanded;
}

backends::Source source_of(const graph::Module& module, std::string_view function,
                           const passes::Options& options) {
  if (module.find_function(function) == nullptr) {
    throw GraphError(fmt::format("no function is called '{}'", function));
  }
  const auto expand = [&module, options] {
    graph::Module expanded = as_written(module);
    if (options.check_numerics) passes::check_numerics(expanded);
    return expanded;
  };
  const auto lower = [&module, function, options](const loop::Target& target) {
    return passes::lower(module, function, target, options);
  };
  std::function<std::string()> identity;
  // Where passes are to be verified, they are to run.
  if (!options.verify)
    identity = [&module, function, options] { return passes::identity(module, function, options); };
  return {function, expand, lower, identity};
}

std::unique_ptr<runtime::Executable> compile_function(const graph::Module& module, std::string_view function,
                                                      const backends::Device& device,
                                                      const passes::Options& options) {
  return device.compile(source_of(module, function, options));
}

std::string function_text(const graph::Module& module, std::string_view function,
                          const backends::Device& device, std::string_view kind,
                          const passes::Options& options) {
  return device.text(source_of(module, function, options), kind);
}

loop::Program lower_function(const graph::Module& module, std::string_view function,
                             const backends::Device& device, const passes::Options& options) {
  return passes::lower(module, function, device.target(), options);
}

}  // namespace sinter
