#include <fmt/format.h>
#include <sinter/error.h>
#include <sinter/nn/module.h>

#include <algorithm>
#include <cctype>

#include "frontend/nn/options.h"
#include "frontend/trace/trace.h"

namespace sinter::nn {
namespace {

std::string checked_name(std::string name) {
  const auto fits = [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; };
  if (!name.empty() && std::all_of(name.begin(), name.end(), fits)) return name;
  throw Error(fmt::format("'{}' does not name a part of a model: letters, digits and '_' do", name));
}

Shape fixed_shape(const Module& owner, const Name& name, const Extents& extents) {
  Shape shape;
  for (const Extent& extent : extents) {
    const std::optional<int64_t> size = extent.dim() ? std::nullopt : extent.bound(0);
    if (!size || *size < 0) {
      const std::string path = owner.path().empty() ? name.text() : owner.path() + "." + name.text();
      Ranges(fmt::format("state '{}'", path), name.where())
          .fail(fmt::format(
              "cannot be {}: {} {}", extents.text(), extent.text(),
              extent.dim()
                  ? "has a Dim, and state has one shape in all calls, but for an nn::Cache of a session"
                  : "is no extent"));
    }
    shape.push_back(*size);
  }
  return shape;
}

}  // namespace

Parameter::Parameter(Module& owner, Name name, Extents shape, Initializer initializer, DType type)
    : Variable(type, fixed_shape(owner, name, shape), std::move(initializer), true),
      owner_(&owner),
      name_(checked_name(std::move(name))) {
  owner.adopt({name_, nullptr, this, nullptr});
}

Parameter::~Parameter() {
  owner_->release(this);
}

std::string Parameter::path() const {
  return owner_->path_of(name_);
}

Buffer::Buffer(Module& owner, Name name, Extents shape, Initializer initializer, DType type)
    : Variable(type, fixed_shape(owner, name, shape), std::move(initializer), false),
      owner_(&owner),
      name_(checked_name(std::move(name))) {
  owner.adopt({name_, nullptr, nullptr, this});
}

Buffer::~Buffer() {
  owner_->release(this);
}

std::string Buffer::path() const {
  return owner_->path_of(name_);
}

Cache::Cache(Module& owner, Name name, Extents shape, Initializer initializer, DType type)
    : Variable(type, std::move(shape), std::move(initializer)),
      owner_(&owner),
      name_(checked_name(std::move(name))) {
  owner.adopt({name_, nullptr, nullptr, this});
}

Cache::~Cache() {
  owner_->release(this);
}

std::string Cache::path() const {
  return owner_->path_of(name_);
}

Module::Module(std::string name) : name_(name.empty() ? name : checked_name(std::move(name))) {}

Module::Module(Module& owner, Name name) : owner_(&owner), name_(checked_name(std::move(name))) {
  owner.adopt({name_, this, nullptr, nullptr});
}

void Module::check_count(int64_t count, bool buildable, const std::source_location& where) const {
  const Ranges ranges("ModuleList", where, path());
  ranges.at_least(0, "count", count);
  if (count > 0 && !buildable) {
    ranges.fail(fmt::format("its {} modules take arguments: begin without a count, and append", count));
  }
}

Module::~Module() {
  if (owner_ != nullptr) owner_->release(this);
}

std::string Module::path() const {
  return owner_ == nullptr ? name_ : owner_->path_of(name_);
}

std::string Module::path_of(const std::string& member) const {
  const std::string own = path();
  return own.empty() ? member : own + "." + member;
}

void Module::adopt(Member member) {
  const std::string whole = path_of(member.name);
  for (const Member& other : members_) {
    if (other.name == member.name) throw Error(fmt::format("'{}' is declared twice", whole));
  }
  members_.push_back(std::move(member));
}

void Module::release(const void* member) {
  std::erase_if(members_, [&](const Member& other) {
    return other.module == member || other.parameter == member || other.state == member;
  });
}

void Module::collect(std::vector<Parameter*>& into) const {
  for (const Member& member : members_) {
    if (member.parameter != nullptr) into.push_back(member.parameter);
    if (member.module != nullptr) member.module->collect(into);
  }
}

std::vector<Parameter*> Module::parameters(const Takes& takes) const {
  std::vector<Parameter*> all;
  collect(all);
  if (takes) std::erase_if(all, [&](const Parameter* parameter) { return !takes(*parameter); });
  return all;
}

int64_t Module::parameter_count() const {
  int64_t count = 0;
  for (const Parameter* parameter : parameters()) count += element_count(parameter->shape());
  return count;
}

void Module::freeze(const Takes& takes) {
  for (Parameter* parameter : parameters(takes)) parameter->freeze();
}

void Module::unfreeze(const Takes& takes) {
  for (Parameter* parameter : parameters(takes)) parameter->unfreeze();
}

void Module::apply(const std::function<void(Module&)>& f) {
  f(*this);
  for (const Member& member : members_) {
    if (member.module != nullptr) member.module->apply(f);
  }
}

Scope::Scope(const Module& module) {
  if (Trace* trace = Trace::active()) trace->push_scope(module);
}

Scope::~Scope() {
  if (Trace* trace = Trace::active()) trace->pop_scope();
}

}  // namespace sinter::nn
