#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "backends/backend.h"
#include "ir/graph/graph.h"
#include "passes/differentiate/differentiate.h"
#include "passes/options.h"
#include "runtime/executable.h"

namespace sinter {

// Compiles one function of a verified module for a device: `differentiate` always; for devices that execute
// loops, the pipeline of passes/pipeline.h. The module is not changed.
std::unique_ptr<runtime::Executable> compile_function(const graph::Module& module, std::string_view function,
                                                      const backends::Device& device,
                                                      const passes::Options& options = {});

// What the reference runs: the module with its gradients, which `of_gradients` is told the ops of.
graph::Module as_written(const graph::Module& module, passes::OpSet* of_gradients = nullptr);

// The code that this makes, as one of the texts that backends::Backend::texts() names.
std::string function_text(const graph::Module& module, std::string_view function,
                          const backends::Device& device, std::string_view kind,
                          const passes::Options& options = {});

// What a device gets to compile. The module has to live as long.
backends::Source source_of(const graph::Module& module, std::string_view function,
                           const passes::Options& options = {});

// The loops that the function becomes on the device.
loop::Program lower_function(const graph::Module& module, std::string_view function,
                             const backends::Device& device, const passes::Options& options = {});

}  // namespace sinter
