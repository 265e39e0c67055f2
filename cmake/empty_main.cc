// SPDX-License-Identifier: Apache-2.0
// The program of a floor's link test: it does nothing, it only has to link.
int main() { return 0; }
