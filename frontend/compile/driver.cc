#include "frontend/compile/driver.h"

#include <fmt/format.h>

#include "ir/error.h"
#include "passes/differentiate/differentiate.h"
#include "passes/pipeline.h"
#include "passes/raise/raise.h"

namespace sinter {

namespace {

// What `use` makes of the function as a backend gets it.
template <typename Use>
auto with_source(const graph::Module& module, std::string_view function, const passes::Options& options,
                 Use use) {
  if (module.find_function(function) == nullptr) {
    throw GraphError(fmt::format("no function is called '{}'", function));
  }
  const auto expand = [&] {
    graph::Module expanded = graph::clone(module);
    passes::raise(expanded, {"losses"});
    passes::differentiate(expanded);
    return expanded;
  };
  const auto lower = [&](const loop::Target& target) {
    return passes::lower(module, function, target, options);
  };
  std::function<std::string()> identity;
  // Where passes are to be verified, they are to run.
  if (!options.verify) identity = [&] { return passes::identity(module, function, options); };
  return use(backends::Source{function, expand, lower, identity});
}

}  // namespace

std::unique_ptr<runtime::Executable> compile_function(const graph::Module& module, std::string_view function,
                                                      const backends::Device& device,
                                                      const passes::Options& options) {
  return with_source(module, function, options, [&](const auto& source) { return device.compile(source); });
}

std::string function_text(const graph::Module& module, std::string_view function,
                          const backends::Device& device, std::string_view kind,
                          const passes::Options& options) {
  return with_source(module, function, options,
                     [&](const auto& source) { return device.text(source, kind); });
}

loop::Program lower_function(const graph::Module& module, std::string_view function,
                             const backends::Device& device, const passes::Options& options) {
  return passes::lower(module, function, device.target(), options);
}

}  // namespace sinter
