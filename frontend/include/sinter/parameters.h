#pragma once

#include <sinter/export.h>
#include <sinter/nn/module.h>

#include <functional>
#include <initializer_list>
#include <source_location>
#include <vector>

namespace SINTER_EXPORT sinter {

// Which parameters something applies to.
using ParameterPredicate = std::function<bool(const Variable&)>;

// Some of a model's parameters: what minimize, grad, apply and freeze take.
//   optimizer.minimize(loss, {.parameters = generator});
//   freeze({model, [](const Variable& p) { return p.path().starts_with("encoder."); }});
//   grad(loss, Parameters({encoder, head}));
class Parameters {
 public:
  Parameters() = default;  // not given: who takes them says what that means
  // Those that a module and all below it have now, in the order in which they were declared; of them the ones
  // that `takes` holds for, where it is given.
  Parameters(const nn::Module& module, const ParameterPredicate& takes = nullptr);
  // A list. Throws Error where one is null or no parameter.
  Parameters(const std::vector<nn::Parameter*>& list,
             std::source_location where = std::source_location::current());
  Parameters(const std::vector<const Variable*>& list,
             std::source_location where = std::source_location::current());
  // One after another; what is in several counts once.
  Parameters(std::initializer_list<Parameters> parts);

  bool given() const { return given_; }
  const std::vector<const Variable*>& all() const { return all_; }

 private:
  void add(const Variable* parameter);

  bool given_ = false;
  std::vector<const Variable*> all_;
};

// Optimisers leave a frozen parameter as it is. A program keeps to what was frozen when it was compiled.
void freeze(const Parameters& parameters);
void unfreeze(const Parameters& parameters);

// They begin so in programs that are compiled from now on.
//   initialize({model, [](const Variable& p) { return p.path().ends_with("weight"); }},
//   Initializer::orthogonal());
void initialize(const Parameters& parameters, const Initializer& initializer);

}  // namespace sinter
