# radius-module
