// SPDX-License-Identifier: Apache-2.0
#pragma once

struct of_switch;
// Adds conjunctions to tables 0..3, and what they do.
void random_clauses_fill(struct of_switch *sw);
