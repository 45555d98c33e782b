#pragma once

#include <memory>
#include <string>
#include <vector>

#include "ir/graph/graph.h"

namespace sinter::passes {

// The VJP of a whole function: takes the parameters of `callee` and then a cotangent for each output i with
// outputs[i]; returns, for each parameter i with inputs[i], its cotangent. It repeats the work of `callee` as
// far as it needs it, and writes no state. Not yet a part of the module. Throws GraphError, naming `where`,
// if the repeated work would read state that `callee` has written meanwhile.
std::unique_ptr<graph::Function> make_vjp_function(graph::Module& module, const graph::Function& callee,
                                                   const std::vector<bool>& inputs,
                                                   const std::vector<bool>& outputs,
                                                   const graph::Location& where);

// A name like `base` that no function of the module has.
std::string free_function_name(const graph::Module& module, const std::string& base);
// A name like `base` that no parameter of the function has.
std::string free_parameter_name(const graph::Function& function, const std::string& base);

}  // namespace sinter::passes
