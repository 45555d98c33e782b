#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "backends/registry/registry.h"
#include "frontend/compile/driver.h"

namespace sinter::test {

// What function `name` of `module` gives on a device, for inputs in the order of its parameters and state of
// zeros.
inline std::vector<runtime::HostTensor> run_on(std::string_view device_name, const graph::Module& module,
                                               std::string_view name,
                                               const std::vector<runtime::HostTensor>& inputs,
                                               const passes::Options& options = {}, int threads = 2,
                                               uint64_t seed = 0, uint32_t step = 0) {
  const auto device = backends::open_device(device_name, threads);
  const auto executable = compile_function(module, name, *device, options);
  const auto context = executable->make_context();
  const auto state = device->make_state(module.states);
  std::vector<const void*> in;
  for (const runtime::HostTensor& input : inputs) in.push_back(input.raw());
  std::vector<runtime::HostTensor> outputs;
  std::vector<void*> out;
  for (const runtime::TensorSpec& spec : executable->outputs()) {
    outputs.emplace_back(spec.dtype, spec.shape);
    out.push_back(outputs.back().raw());
  }
  executable->run(*context, *state, {in, out, seed, step});
  return outputs;
}

}  // namespace sinter::test
